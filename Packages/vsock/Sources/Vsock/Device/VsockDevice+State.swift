// SPDX-License-Identifier: Apache-2.0
public import VMMemory
internal import VMMSysUtil
public import VirtioModel
public import VirtioQueue

/// Saving, and going on elsewhere.
extension VsockDevice: SavableDevice {
    /// What to save. On the device's thread, with the vCPUs stopped and the device paused, or else guest memory that is
    /// saved later does not fit. Nothing changes: the device can go on.
    public func save() -> VsockState {
        VsockState(
            guestCID: guestCID.rawValue, lastHostPort: lastHostPort,
            running: active.map { active in
                VsockState.Running(
                    receive: active.receive?.save(), transmit: active.transmit?.save(), event: active.event?.save(),
                    eventBuffers: eventChains.all.compactMap(\.head).map {
                        VsockState.EventBuffer(head: $0.index, slotCount: $0.slotCount)
                    },
                    unreturnedEventBufferCount: UInt16(clamping: unreturnedEventBufferCount),
                    isEventOwed: active.event == nil && gate != .open, resets: resetsToTell)
            })
    }

    /// Takes up what was saved, instead of `activate`. The device stays paused until `resume()`; then the guest hears
    /// that its connections are gone, as after `resetTransport()`, while its listening sockets stay.
    ///
    /// On the device's thread. After an error throw guest memory away: buffers may have been given back to the driver.
    /// - Parameters:
    ///   - state: what `save()` gave; it is checked, as whoever kept it may have changed it.
    ///   - memory: the guest's memory, with what it held at the saving.
    ///   - features: what the driver had accepted; the transport has saved it.
    ///   - interrupt: how to tell the driver.
    public func restore(
        _ state: VsockState, memory: GuestMemory, features: VirtioFeatures, interrupt: any Interrupt
    ) throws(VsockStateError) {
        guard let host, active == nil else { throw .notIdle }
        guard state.guestCID == guestCID.rawValue else { throw .guestCID(saved: state.guestCID) }
        if let port = state.lastHostPort, !HostPorts.isValid(port) { throw .hostPort(port) }
        if let running = state.running {
            guard running.resets.count <= options.connectionLimit &+ options.pendingResetLimit else {
                throw .resets(count: running.resets.count)
            }
            let receive = try neededQueue(0, running.receive, memory, features)
            let transmit = try neededQueue(1, running.transmit, memory, features)
            guard !running.isEventOwed || running.event == nil && features.contains(.ringReset) else {
                throw .eventOwed
            }
            let event = try eventQueue(running, memory, features)
            do throws(Errno) { try startTimer(host) } catch { throw .host(error) }
            active = Active(
                receive: receive, transmit: transmit, event: event, features: features, interrupt: interrupt)
            clock.stop()
            unreturnedEventBufferCount = Int(running.unreturnedEventBufferCount) &+ running.eventBuffers.count
            for reset in running.resets { strays.append(header(of: reset)) }
            if event != nil || running.isEventOwed { closeGate() }
        }
        hostPorts = HostPorts(last: state.lastHostPort)
    }

    /// One of those without which the device does not start, and which are gone only when they were reset.
    private func neededQueue(
        _ index: Int, _ state: QueueState?, _ memory: GuestMemory, _ features: VirtioFeatures
    ) throws(VsockStateError) -> Queue? {
        guard let state else {
            guard features.contains(.ringReset) else { throw .missingQueue(index: index) }
            return nil
        }
        return try queue(index, state, memory, features)
    }

    /// A queue whose chains are all in the ring or at the driver.
    private func queue(
        _ index: Int, _ state: QueueState, inFlight: Int = 0, _ memory: GuestMemory, _ features: VirtioFeatures
    ) throws(VsockStateError) -> Queue {
        do throws(SavedQueueError) {
            return try restoreQueue(index, state, inFlight: inFlight, memory: memory, features: features)
        } catch {
            throw .queue(error)
        }
    }

    /// The event queue, with the buffers given back unused that the device had taken: where they are is not saved.
    private func eventQueue(
        _ running: VsockState.Running, _ memory: GuestMemory, _ features: VirtioFeatures
    ) throws(VsockStateError) -> Queue? {
        let buffers = running.eventBuffers
        let atGuest = running.unreturnedEventBufferCount
        guard let state = running.event else {
            if let first = buffers.first { throw .eventBuffer(first) }
            guard atGuest == 0 else { throw .unreturnedEventBuffers(atGuest) }
            return nil
        }
        let queue = try queue(2, state, inFlight: buffers.count, memory, features)
        guard Int(atGuest) &+ buffers.count <= Int(queue.size) else { throw .unreturnedEventBuffers(atGuest) }
        var heads: Set<UInt16> = []
        for buffer in buffers {
            guard heads.insert(buffer.head).inserted,
                let head = queue.head(inFlight: buffer.head, slotCount: buffer.slotCount)
            else { throw .eventBuffer(buffer) }
            queue.push(head, written: 0)
        }
        // In a packed ring, the slots of all of them must be those that are in flight.
        let after = queue.save()
        guard after.inFlight == 0, after.nextAvailable == after.nextUsed else {
            throw .queue(.inFlight(index: 2, buffers.count))
        }
        return queue
    }

    /// What the guest waits for and cannot get after its connections are gone, but by an RST. It waits for nothing of those
    /// that it has not heard of, of which a host could make any number while it takes no packets.
    var resetsToTell: [VsockState.Reset] {
        let isToldByEvent = active?.event != nil
        return strays.all.map {
            VsockState.Reset(hostPort: $0.sourcePort, guestPort: $0.destinationPort, type: $0.type)
        }
            + connections.values.filter { $0.state.isGuestWaiting || !isToldByEvent && $0.state.isKnownToGuest }.map {
                reset(of: $0)
            }
    }

    /// The RST that tells that a connection is gone.
    func reset(of connection: Connection) -> VsockState.Reset {
        VsockState.Reset(
            hostPort: connection.key.hostPort, guestPort: connection.key.guestPort, type: connection.state.type)
    }

    func header(of reset: VsockState.Reset) -> VsockHeader {
        VsockHeader(
            sourceCID: GuestCID.host, destinationCID: guestCID.rawValue, sourcePort: reset.hostPort,
            destinationPort: reset.guestPort, operation: .reset, type: reset.type)
    }
}
