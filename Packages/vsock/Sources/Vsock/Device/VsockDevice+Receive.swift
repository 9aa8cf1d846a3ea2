// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VirtioModel
internal import VirtioQueue

/// From the host to the guest.
extension VsockDevice {
    /// Fills the guest's buffers until there are none, nothing is to be said, or the turn is over.
    func givePackets() -> QueueService {
        guard let queue = active?.receive, gate == .open, !strays.isEmpty || !turns.isEmpty else { return .drained }
        let wereResetsHeld = strays.count >= options.pendingResetLimit
        let outcome: ServeOutcome
        do throws(QueueError) {
            outcome = try queue.serve(into: receiveChain, limit: Self.chainsPerTurn) { chain in
                guard chain.writableByteCount >= UInt64(VsockHeader.byteCount) else {
                    counters.malformed &+= 1
                    return .used(written: 0)
                }
                return nextPacket(into: chain).map { .used(written: $0) } ?? .putBack
            }
        } catch {
            fail()
            return .drained
        }
        signal(queue, 0)
        if outcome == .limitReached { return .again }
        return wereResetsHeld && strays.count < options.pendingResetLimit ? .again : .drained
    }

    /// RSTs of what is gone first; then one packet of the connection whose turn it is.
    /// - Returns: how many bytes were written; nil if nothing is to be said.
    private func nextPacket(into chain: ChainBuffers) -> UInt32? {
        if let header = strays.popFirst() { return write(header, into: chain) }
        // Each round takes one out of the queue, and only one that has given a packet goes back.
        while let connection = turns.popFirst() {
            connection.isInTurn = false
            let written = connection.isGone ? nil : packet(of: connection, into: chain)
            update(connection)
            if let written { return written }
        }
        return nil
    }

    private func packet(of connection: Connection, into chain: ChainBuffers) -> UInt32? {
        if let written = control(of: connection, into: chain) { return written }
        if let written = data(of: connection, into: chain) { return written }
        // Looking for data may have found its end, or the lack of credit.
        return control(of: connection, into: chain)
    }

    private func control(of connection: Connection, into chain: ChainBuffers) -> UInt32? {
        guard let (operation, flags) = connection.state.nextControl() else { return nil }
        let written = write(header(operation, of: connection, flags: flags), into: chain)
        if operation == .shutdown, connection.state.hasToldEnd { hostIsDone(connection) }
        return written
    }

    /// Reads the host's socket straight into the guest's buffer, behind the place of the header.
    private func data(of connection: Connection, into chain: ChainBuffers) -> UInt32? {
        guard connection.mayHaveData, connection.state.maySend, let socket = connection.socket else { return nil }
        let credit = connection.state.credit.peerFreeByteCount
        guard credit > 0 else {
            connection.state.askForCredit()
            return nil
        }
        var payload = chain.writer
        guard var front = payload.split(UInt64(VsockHeader.byteCount)) else { return nil }
        // A buffer for headers only; the guest owes others.
        guard payload.remaining > 0 else {
            counters.malformed &+= 1
            return 0
        }
        let limit = min(UInt64(min(credit, max(options.payloadByteCountMax, 1))), payload.remaining)
        guard let room = payload.split(limit) else { return nil }
        pieces.removeAll()
        room.appendVectors(to: &pieces)
        switch StreamSocket.receive(into: pieces, from: socket.descriptor) {
        case .bytes(let count):
            guard let count = UInt32(exactly: count) else { return nil }
            connection.state.credit.send(count)
            counters.bytesToGuest &+= UInt64(count)
            // Less than there was room for: most likely all there was. Else the socket is readable at once again.
            if UInt64(count) < limit, !connection.hasHungUp { connection.mayHaveData = false }
            header(.data, of: connection, payloadByteCount: count).write(to: &front)
            return UInt32(VsockHeader.byteCount) + count
        case .nothingNow:
            connection.mayHaveData = false
            return nil
        case .end:
            hostSendsNothing(connection)
            return nil
        }
    }

    private func write(_ header: VsockHeader, into chain: ChainBuffers) -> UInt32 {
        var writer = chain.writer
        return header.write(to: &writer) ? UInt32(VsockHeader.byteCount) : 0
    }

    private func header(
        _ operation: VsockOperation, of connection: Connection, flags: VsockFlags = [], payloadByteCount: UInt32 = 0
    ) -> VsockHeader {
        var header = VsockHeader(
            sourceCID: GuestCID.host, destinationCID: guestCID.rawValue, sourcePort: connection.key.hostPort,
            destinationPort: connection.key.guestPort, operation: operation, payloadByteCount: payloadByteCount,
            flags: flags)
        connection.state.credit.tell(&header)
        return header
    }
}
