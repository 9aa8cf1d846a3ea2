// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VirtioDevices
internal import VirtioModel
internal import VirtioQueue

extension SavedMMIODevice {
    /// Changes one field as a number says: its low byte which, the rest to what. 0 changes nothing.
    mutating func forge(_ value: UInt32) {
        let argument = value >> 8
        let wide = UInt64(argument) << 40 | UInt64(argument) << 4
        let queue = registers.queues.isEmpty ? 0 : Int(argument >> 16) % registers.queues.count
        switch value & 0xff {
        case 0: break
        case 1: registers.status ^= argument
        case 2: registers.driverFeatures.formSymmetricDifference(.bit(Int(argument % 64)))
        case 3: registers.hasUnknownFeatures.toggle()
        case 4: registers.interruptStatus ^= argument
        case 5: registers.configurationGeneration = argument
        case 6: registers.selectors = .init(deviceFeatures: argument, driverFeatures: argument, queue: argument)
        case 7: registers.deviceID = DeviceID(rawValue: argument)
        case 8: if !registers.queues.isEmpty { registers.queues.removeLast() }
        case 9: registers.configuration.append(0)
        case 10: if !registers.configuration.isEmpty { registers.configuration[0] &+= 1 }
        case 11: forgeQueue(queue) { $0.size = UInt16(truncatingIfNeeded: argument) }
        case 12: forgeQueue(queue) { $0.isReady.toggle() }
        case 13: forgeQueue(queue) { $0.descriptorTable = GuestAddress(wide) }
        case 14: forgeQueue(queue) { $0.availableRing = GuestAddress(wide) }
        case 15: forgeQueue(queue) { $0.usedRing = GuestAddress(wide) }
        case 16: forgeQueue(queue) { $0 = QueueConfiguration(maximumSize: UInt16(truncatingIfNeeded: argument)) }
        default: forgeDevice(value & 0xff, argument, queue)
        }
    }

    /// In the registers and in the device's half, so that the halves do not contradict each other; 24 does it in one.
    private mutating func forgeQueue(_ index: Int, _ change: (inout QueueConfiguration) -> Void) {
        guard registers.queues.indices.contains(index) else { return }
        let old = registers.queues[index]
        change(&registers.queues[index])
        let new = registers.queues[index]
        mutateQueues { if $0.configuration == old { $0.configuration = new } }
    }

    private mutating func forgeDevice(_ what: UInt32, _ argument: UInt32, _ index: Int) {
        let short = UInt16(truncatingIfNeeded: argument)
        switch what {
        case 17: mutateQueues { $0.nextAvailable = short }
        case 18: mutateQueues { $0.nextUsed = short }
        case 19: mutateQueues { $0.inFlight = short }
        case 20: mutateQueues { $0.unsignalled = argument }
        case 21: mutateQueues { $0.isBroken.toggle() }
        case 22: mutateQueues { $0.format = $0.format == .split ? .packed : .split }
        case 23:
            mutateQueues {
                $0.nextAvailable = short
                $0.nextUsed = short
            }
        case 24: mutateQueues { $0.configuration.size = short }
        case 25: mutate(BlockState.self) { $0.capacitySectors = UInt64(argument) }
        case 26: mutate(BlockState.self) { $0.queues = nil }
        case 27: mutate(BlockState.self) { $0.queues?.append(nil) }
        case 28: mutate(BlockState.self) { $0.queues = [nil] }
        case 29: mutate(EntropyState.self) { $0.queues = [nil, nil] }
        default: mutate(ConsoleState.self) { $0.forge(what, argument) }
        }
    }

    private mutating func mutate<State>(_ type: State.Type, _ change: (inout State) -> Void) {
        guard var state = device as? State else { return }
        change(&state)
        if let state = state as? DeviceState { device = state }
    }

    private mutating func mutateQueues(_ change: (inout QueueState) -> Void) {
        func each(_ queues: inout [QueueState?]?) {
            queues = queues.map { $0.map { $0.map { changed($0) } } }
        }
        func changed(_ queue: QueueState) -> QueueState {
            var queue = queue
            change(&queue)
            return queue
        }
        mutate(BlockState.self) { each(&$0.queues) }
        mutate(EntropyState.self) { each(&$0.queues) }
        mutate(ConsoleState.self) { state in
            guard var running = state.running else { return }
            running.controlReceive = running.controlReceive.map(changed)
            running.controlTransmit = running.controlTransmit.map(changed)
            running.ports = running.ports.map { port in
                guard var port else { return nil }
                port.receive = port.receive.map(changed)
                port.transmit = port.transmit.map(changed)
                return port
            }
            state.running = running
        }
    }
}

extension ConsoleState {
    fileprivate mutating func forge(_ what: UInt32, _ argument: UInt32) {
        switch what {
        case 30: size = size == nil ? ConsoleSize(columns: 1, rows: 1) : nil
        case 31: size = ConsoleSize(columns: UInt16(truncatingIfNeeded: argument), rows: 1)
        case 32: portCount = Int(argument)
        case 33: removedPorts.insert(argument)
        case 34: untoldRemovals.insert(argument)
        case 35: running = nil
        case 36: running?.controlReceive = nil
        case 37: running?.ports.append(nil)
        default:
            guard var running, !running.ports.isEmpty else { return }
            let number = Int(argument >> 16) % running.ports.count
            running.ports[number]?.forge(what, argument)
            if what == 45 {
                running.ports[number] = nil
                removedPorts.insert(UInt32(number))
                if argument & 1 != 0 { untoldRemovals.insert(UInt32(number)) }
            }
            self.running = running
        }
    }
}

extension ConsoleState.Port {
    fileprivate mutating func forge(_ what: UInt32, _ argument: UInt32) {
        let isOdd = argument & 1 != 0
        switch what {
        case 38: owedMessages = UInt8(truncatingIfNeeded: argument)
        case 39: isReady.toggle()
        case 40: opening = isOdd ? .open : .closed
        case 41: opening = .closing(afterChains: UInt16(truncatingIfNeeded: argument >> 1), isReopened: isOdd)
        case 42: isHostClosed.toggle()
        case 43: writtenByteCount = argument
        case 44: if isOdd { transmit = nil } else { receive = nil }
        default: break
        }
    }
}
