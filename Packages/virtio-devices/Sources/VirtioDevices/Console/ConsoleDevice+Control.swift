// SPDX-License-Identifier: Apache-2.0
internal import VirtioModel
internal import VirtioQueue

/// The conversation about ports (virtio 1.2, 5.3.6.2).
///
/// What is to be said to the guest is a set of flags for each port, not a list: a guest that asks a million times without
/// taking the answers costs nothing.
extension ConsoleDevice {
    private static let messagesPerTurn = 64
    /// Bytes of a name that are shown.
    private static let nameByteCountMax = 256

    /// Sends what is due, as far as the guest has buffers for it.
    func sendControl() -> QueueService {
        guard isServing, let queue = active?.controlReceive else { return .drained }
        var outcome = ServeOutcome.drained
        do throws(QueueError) {
            outcome = try queue.serve(into: chain, limit: Self.messagesPerTurn) { chain in
                guard let message = takeDue() else { return .putBack }
                var writer = chain.writer
                // A buffer that is too small gets nothing, and the message is lost: the guest's own doing.
                let isWritten = message.withUnsafeBytes { writer.writeAll($0) }
                return .used(written: isWritten ? UInt32(clamping: message.count) : 0)
            }
        } catch {
            fail(queue, 2, error)
            return .drained
        }
        signal(queue, 2)
        return outcome == .limitReached ? .again : .drained
    }

    /// The next message that is due, in the order in which a guest can make sense of them.
    private func takeDue() -> [UInt8]? {
        if let gone = removedPorts.min() {
            removedPorts.remove(gone)
            return ControlMessage(port: gone, event: ControlMessage.Event.deviceRemove).encoded()
        }
        for case let port? in ports where !port.owed.isEmpty {
            if port.owed.remove(.add) != nil {
                return ControlMessage(port: port.id, event: ControlMessage.Event.deviceAdd).encoded()
            }
            if port.owed.remove(.consolePort) != nil {
                return ControlMessage(port: port.id, event: ControlMessage.Event.consolePort, value: 1).encoded()
            }
            if port.owed.remove(.size) != nil, let size {
                return ControlMessage(port: port.id, event: ControlMessage.Event.resize)
                    .encoded(payload: size.resizePayload)
            }
            // Before the name: a guest that opens a port as soon as it finds its name must not take a host that it has
            // not heard of yet for one that is gone.
            if port.owed.remove(.open) != nil {
                return ControlMessage(
                    port: port.id, event: ControlMessage.Event.portOpen, value: port.isHostOpen ? 1 : 0
                ).encoded()
            }
            if port.owed.remove(.name) != nil, let name = port.name {
                // Without a terminating zero (5.3.6.2).
                return ControlMessage(port: port.id, event: ControlMessage.Event.portName, value: 1)
                    .encoded(payload: [UInt8](name.utf8.prefix(Self.nameByteCountMax)))
            }
        }
        return nil
    }

    /// Hears what the guest says.
    func receiveControl() -> QueueService {
        guard isServing, let queue = active?.controlTransmit else { return .drained }
        // What a message sets off may use `chain`, so it is acted on once the chain is done with.
        var outcome = ServeOutcome.limitReached
        for _ in 0..<Self.messagesPerTurn {
            var heard: ControlMessage?
            do throws(QueueError) {
                outcome = try queue.serve(into: chain, limit: 1) { chain in
                    heard = Self.message(in: chain)
                    if heard == nil { counters.malformedMessages &+= 1 }
                    return .used(written: 0)
                }
            } catch {
                fail(queue, 3, error)
                return .drained
            }
            if let heard { act(on: heard) }
            guard active != nil, outcome == .limitReached else { break }
        }
        if active != nil { signal(queue, 3) }
        continueControl()
        return active != nil && outcome == .limitReached ? .again : .drained
    }

    private static func message(in chain: ChainBuffers) -> ControlMessage? {
        var reader = chain.reader
        guard let port = reader.read(UInt32.self), let event = reader.read(UInt16.self),
            let value = reader.read(UInt16.self)
        else { return nil }
        return ControlMessage(port: port, event: event, value: value)
    }

    private func act(on message: ControlMessage) {
        if message.event == ControlMessage.Event.deviceReady {
            // A value of 0 tells that the driver could not set up the device.
            guard message.value == 1 else { return }
            for case let port? in ports { port.owed.insert(.add) }
            return
        }
        guard let number = Int(exactly: message.port), ports.indices.contains(number), let port = ports[number]
        else {
            counters.malformedMessages &+= 1
            return
        }
        switch message.event {
        case ControlMessage.Event.portReady:
            port.isReady = message.value == 1
            guard port.isReady else { return }
            if port.isConsole {
                port.owed.insert(.consolePort)
                if size != nil { port.owed.insert(.size) }
            }
            if port.name != nil { port.owed.insert(.name) }
            port.owed.insert(.open)
        case ControlMessage.Event.portOpen:
            if message.value == 1 { guestOpened(port) } else { guestClosed(port) }
        default:
            counters.malformedMessages &+= 1
        }
    }

    private func guestOpened(_ port: ConsolePort) {
        guard !port.isGuestOpen else { return }
        port.isGuestOpen = true
        if port.chainsUntilClose != nil {
            port.reopensAfterClose = true
        } else {
            port.onEvent(.guestOpened)
        }
        continueLater(pumpInput(port), port)
    }

    /// The data queue and this one are not in step: what the guest sent before it closed may still be in its ring.
    private func guestClosed(_ port: ConsolePort) {
        guard port.isGuestOpen else { return }
        port.isGuestOpen = false
        port.reopensAfterClose = false
        port.stopWatchingInput()
        let count = pendingChainCount(port)
        port.chainsUntilClose = count
        if count == 0 {
            finishClose(port)
        } else {
            continueLater(pumpOutput(port), port)
        }
    }

    /// How many chains are in the ring now.
    private func pendingChainCount(_ port: ConsolePort) -> Int {
        guard let queue = port.transmit else { return 0 }
        var heads: [ChainHead] = []
        do throws(QueueError) {
            while heads.count < Int(queue.size), let chain = try queue.pop() { heads.append(chain.head) }
        } catch {
            // The ring is broken; the next look at it finds out again and ends the device.
        }
        for head in heads.reversed() { queue.undoPop(head) }
        return heads.count
    }

    /// Sends what is due; for other occasions than a doorbell.
    func continueControl() {
        guard isServing, let host else { return }
        if sendControl() == .again {
            let device = Confined(self)
            host.executor.perform { device.value.continueControl() }
        }
    }
}
