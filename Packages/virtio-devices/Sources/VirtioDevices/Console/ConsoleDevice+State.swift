// SPDX-License-Identifier: Apache-2.0
public import VMMemory
public import VirtioModel
public import VirtioQueue

/// Standing still, saving, and going on elsewhere.
extension ConsoleDevice: SavableDevice {
    /// Leaves the guest alone until `resume()`: the host's ends are not read, not written and not watched. A port that is
    /// removed meanwhile loses what the guest had sent to it.
    public func pause() {
        guard active != nil, !isPaused else { return }
        isPaused = true
        for case let port? in ports {
            port.stopWatchingInput()
            port.stopWatchingOutput()
        }
    }

    /// Goes on, with what came meanwhile on either side.
    public func resume() {
        guard active != nil, isPaused else { return }
        isPaused = false
        for index in queueMaximumSizes.indices {
            if let index = UInt16(exactly: index) { serveUnasked(index, on: host) }
        }
    }

    /// The queues, and how far the conversation about each port has come.
    public func save() -> ConsoleState {
        ConsoleState(
            size: size, portCount: ports.count,
            removedPorts: Set(ports.indices.filter { ports[$0] == nil }.map { UInt32($0) }),
            untoldRemovals: removedPorts,
            running: active.map { active in
                ConsoleState.Running(
                    controlReceive: active.controlReceive?.save(), controlTransmit: active.controlTransmit?.save(),
                    ports: ports.map { $0?.state })
            })
    }

    /// Takes up what was saved; paused until `resume()`. A port whose host's end the guest believes closed is opened anew,
    /// as it has a new one; ports that the guest has open report `.guestOpened`.
    public func restore(
        _ state: ConsoleState, memory: GuestMemory, features: VirtioFeatures, interrupt: any Interrupt
    ) throws(ConsoleStateError) {
        guard host != nil, active == nil else { throw .notIdle }
        guard (state.size == nil) == (size == nil) else { throw .size(state.size) }
        guard state.portCount == ports.count else { throw .portCount(saved: state.portCount, ports.count) }
        let isMultiport = features.contains(.consoleMultiport)
        try check(removalsIn: state, isMultiport: isMultiport)
        var control: (receive: Queue?, transmit: Queue?) = (nil, nil)
        var queues: [(receive: Queue?, transmit: Queue?)] = []
        if let running = state.running {
            let mayBeAway = !isMultiport || features.contains(.ringReset)
            for queue in [running.controlReceive, running.controlTransmit] {
                guard queue == nil ? mayBeAway : isMultiport else { throw .control }
            }
            control = try (
                queue(2, running.controlReceive, memory, features),
                queue(3, running.controlTransmit, memory, features)
            )
            for (number, port) in running.ports.enumerated() {
                let first = Self.receiveQueueIndex(ofPort: number)
                queues.append(
                    try (
                        queue(first, port?.receive, memory, features),
                        queue(first + 1, port?.transmit, memory, features)
                    ))
                if let port, !port.isSound(isMultiport: isMultiport, number: number) { throw .port(number) }
            }
        }
        for number in state.removedPorts { drop(Int(number)) }
        removedPorts = state.untoldRemovals
        if let size = state.size { setSize(size) }
        guard let running = state.running else { return }
        active = Active(interrupt, features, control.receive, control.transmit)
        isPaused = true
        for ((port, saved), queues) in zip(zip(ports, running.ports), queues) {
            guard let port, let saved else { continue }
            port.restore(saved, queues.receive, queues.transmit)
            if port.isGuestOpen || port.chainsUntilClose != nil { port.onEvent(.guestOpened) }
        }
    }

    /// A port is gone if and only if nothing of it was saved; only of a driver that knows ports there is one to be told.
    private func check(removalsIn state: ConsoleState, isMultiport: Bool) throws(ConsoleStateError) {
        for port in state.removedPorts.sorted() where Int(port) >= ports.count { throw .removal(port: port) }
        for port in state.untoldRemovals.sorted()
        where !state.removedPorts.contains(port) || state.running == nil || !isMultiport {
            throw .removal(port: port)
        }
        guard let running = state.running else { return }
        guard running.ports.count == ports.count else {
            throw .portCount(saved: running.ports.count, ports.count)
        }
        for (number, port) in running.ports.enumerated()
        where (port == nil) != state.removedPorts.contains(UInt32(number)) {
            throw .removal(port: UInt32(number))
        }
    }

    private func queue(
        _ index: Int, _ state: QueueState?, _ memory: GuestMemory, _ features: VirtioFeatures
    ) throws(ConsoleStateError) -> Queue? {
        guard let state else { return nil }
        do throws(SavedQueueError) {
            let queue = try restoreQueue(index, state, memory: memory, features: features)
            queue.malformedChainPolicy = .returnHead
            return queue
        } catch {
            throw .queue(error)
        }
    }
}

extension ConsolePort {
    var state: ConsoleState.Port {
        let opening: ConsoleState.Opening =
            if let count = chainsUntilClose {
                .closing(afterChains: UInt16(clamping: count), isReopened: reopensAfterClose)
            } else {
                isGuestOpen ? .open : .closed
            }
        return ConsoleState.Port(
            receive: receive?.save(), transmit: transmit?.save(), owedMessages: owed.rawValue, isReady: isReady,
            opening: opening, isHostClosed: !isHostOpen, writtenByteCount: UInt32(clamping: outputOffset))
    }

    /// The numbers are checked.
    func restore(_ state: ConsoleState.Port, _ receive: Queue?, _ transmit: Queue?) {
        (self.receive, self.transmit) = (receive, transmit)
        owed = OwedMessages(rawValue: state.owedMessages)
        isReady = state.isReady
        outputOffset = UInt64(state.writtenByteCount)
        switch state.opening {
        case .closed: isGuestOpen = false
        case .open: isGuestOpen = true
        case .closing(let count, let isReopened):
            chainsUntilClose = Int(count)
            reopensAfterClose = isReopened
            isGuestOpen = isReopened
        }
        if isReady, state.isHostClosed { owed.insert(.open) }
    }
}

extension ConsoleState.Port {
    /// Whether it can have come about.
    func isSound(isMultiport: Bool, number: Int) -> Bool {
        guard OwedMessages.all.isSuperset(of: OwedMessages(rawValue: owedMessages)) else { return false }
        guard transmit != nil || writtenByteCount == 0 else { return false }
        if case .closing(let count, _) = opening {
            guard let transmit, count > 0, count <= transmit.configuration.size else { return false }
        }
        guard !isMultiport else { return true }
        // 5.3.5: without control queues there is one port, open as long as the device runs, and nothing is said about it.
        return opening == (number == 0 ? .open : .closed) && owedMessages == 0 && !isReady
            && (number == 0 || receive == nil && transmit == nil)
    }
}
