// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VMMSysUtil
internal import VirtioModel

/// What happens at the host's end of a connection that is open.
extension VsockDevice {
    /// After anything that happened to a connection: it gets its turn if it has something for the guest, and its socket
    /// is watched for what it waits for now.
    func schedule(_ connection: Connection) {
        if !connection.isInTurn, connection.wantsTurn {
            connection.isInTurn = true
            // A guest that takes nothing could open and end connections for ever.
            if turns.count > 2 &* connections.count &+ 64 { turns.removeAll(where: \.isGone) }
            turns.append(connection)
        }
        guard let socket = connection.socket, let host else { return }
        // Before both ends agreed, nothing is to be read or written. After a hang-up it would be reported for ever.
        guard connection.state.phase == .established, !connection.hasHungUp else {
            socket.stopWatching()
            return
        }
        do throws(Errno) {
            try socket.watch(for: connection.interest, in: host.events) { [weak self, weak connection] events in
                guard let self, let connection else { return }
                self.happened(events, at: connection)
            }
        } catch {
            // No way to learn of anything: as good as closed.
            hungUp(connection)
        }
    }

    private func happened(_ events: EventSet, at connection: Connection) {
        if events.contains(.read) { connection.becameReadable() }
        if events.contains(.write) { flush(connection) }
        if !events.isDisjoint(with: [.hangUp, .error]) { hungUp(connection) }
        schedule(connection)
        serveUnasked()
    }

    /// The host's end is closed, or both directions are over. What the host sent before is still to be read.
    private func hungUp(_ connection: Connection) {
        guard !connection.hasHungUp else { return }
        connection.hasHungUp = true
        connection.socket?.stopWatching()
        flush(connection)
        guard !connection.isGone else { return }
        if connection.state.maySend {
            connection.mayHaveData = true
        } else {
            connection.state.shutDownHost(.noMoreAtAll)
        }
        hostTakesNothing(connection)
    }

    /// Gives the host what is kept for it, as far as it takes it.
    func flush(_ connection: Connection) {
        while !connection.isHostDeaf, let byteCount = connection.nextByteCount, let socket = connection.socket {
            pieces.removeAll()
            connection.buffer.appendVectors(to: &pieces, limit: byteCount)
            switch send(UInt32(truncatingIfNeeded: byteCount), to: socket, of: connection) {
            case .taken(let count):
                connection.buffer.removeFirst(count)
                connection.messages?.removeFirst()
            case .later: return
            case .hostIsDeaf: break
            }
        }
        guard !connection.isHostBehind else { return }
        if connection.isGone {
            endLingering(connection)
        } else if connection.state.guestShutdown.contains(.noMoreSending), !connection.hasEndedSending {
            connection.hasEndedSending = true
            if let socket = connection.socket { StreamSocket.endSending(socket.descriptor) }
        }
    }

    /// The host reads no more: what the guest sent is thrown away, and the guest is told to stop.
    func hostTakesNothing(_ connection: Connection) {
        guard !connection.isHostDeaf else { return }
        connection.isHostDeaf = true
        connection.state.forward(UInt32(truncatingIfNeeded: connection.buffer.count))
        connection.dropKept()
        if !connection.isGone { connection.state.shutDownHost(.noMoreReceiving) }
    }

    /// The host's last byte is on its way to the guest.
    func hostSendsNothing(_ connection: Connection) {
        connection.mayHaveData = false
        connection.state.shutDownHost(connection.hasHungUp ? .noMoreAtAll : .noMoreSending)
    }

    /// The guest will not send, or not receive.
    func guestShutDown(_ connection: Connection) {
        let flags = connection.state.guestShutdown
        if flags == .noMoreAtAll {
            // 5.10.6.5: the answer to the end of both directions.
            removeAndTell(connection)
            return
        }
        if flags.contains(.noMoreReceiving), let socket = connection.socket {
            StreamSocket.endReceiving(socket.descriptor)
            if connection.hasHungUp { connection.state.shutDownHost(.noMoreAtAll) }
        }
        if flags.contains(.noMoreSending) { dropOpenMessage(of: connection) }
        flush(connection)
    }
}
