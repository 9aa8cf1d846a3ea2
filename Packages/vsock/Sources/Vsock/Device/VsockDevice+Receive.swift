// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VirtioModel
internal import VirtioQueue

/// From the host to the guest.
extension VsockDevice {
    /// How many buffers a stream may fill with one call, besides the first.
    private static let burstChainCount = 17

    /// Fills the guest's buffers until there are none, nothing is to be said, or the turn is over.
    func givePackets(limit: Int) -> QueueService {
        guard let queue = active?.receive, gate == .open, !strays.isEmpty || !turns.isEmpty else { return .drained }
        let wereResetsHeld = strays.count >= options.pendingResetLimit
        let outcome: ServeOutcome
        do throws(QueueError) {
            outcome = try queue.serve(into: receiveChain, limit: limit) { chain in
                guard chain.writableByteCount >= UInt64(VsockHeader.byteCount) else {
                    counters.malformed &+= 1
                    return .used(written: 0)
                }
                return nextPacket(into: chain, of: queue) ?? .putBack
            }
        } catch {
            fail(queue, 0, error)
            return .drained
        }
        signal(queue, 0)
        if outcome == .limitReached { return .again }
        return wereResetsHeld && strays.count < options.pendingResetLimit ? .again : .drained
    }

    /// RSTs of what is gone first; then one packet of the connection whose turn it is.
    /// - Returns: what became of the chain; nil if nothing is to be said.
    private func nextPacket(into chain: ChainBuffers, of queue: Queue) -> ChainOutcome? {
        // Each round takes one out of the queue, and only one that has given a packet goes back. One that ended instead
        // has left an RST.
        while true {
            if let header = strays.popFirst() { return .used(written: write(header, into: chain)) }
            guard let connection = turns.popFirst() else { return nil }
            connection.isInTurn = false
            let outcome = connection.isGone ? nil : packet(of: connection, into: chain, of: queue)
            schedule(connection)
            if let outcome { return outcome }
        }
    }

    private func packet(of connection: Connection, into chain: ChainBuffers, of queue: Queue) -> ChainOutcome? {
        if let outcome = control(of: connection, into: chain) { return outcome }
        if let outcome = data(of: connection, into: chain, of: queue) { return outcome }
        // Looking for data may have found its end, or the lack of credit.
        return connection.isGone ? nil : control(of: connection, into: chain)
    }

    private func control(of connection: Connection, into chain: ChainBuffers) -> ChainOutcome? {
        guard let (operation, flags) = connection.state.nextControl() else { return nil }
        let written = write(header(operation, of: connection, flags: flags), into: chain)
        if operation == .shutdown, connection.state.hasToldEnd { hostIsDone(connection) }
        return .used(written: written)
    }

    /// Reads the host's socket straight into the guest's buffers, behind the places of the headers.
    ///
    /// Linux offers a page a packet. So a stream that has filled its buffer, while nobody else waits for a turn, gets
    /// several at once, for one call instead of one each; a message gets as many as its rest takes, or as the one before took.
    private func data(of connection: Connection, into chain: ChainBuffers, of queue: Queue) -> ChainOutcome? {
        guard connection.mayHaveData, connection.state.maySend, let socket = connection.socket else { return nil }
        let credit = connection.state.credit.peerFreeByteCount
        guard credit > 0 else {
            connection.state.askForCredit()
            return nil
        }
        // A buffer for headers only; the guest owes others.
        guard chain.writableByteCount > UInt64(VsockHeader.byteCount) else {
            counters.malformed &+= 1
            return .used(written: 0)
        }
        let limit = UInt64(min(credit, max(options.payloadByteCountMax, 1)))
        let isMessage = connection.messages != nil
        let wanted = isMessage ? min(limit, connection.expectedByteCount) : connection.isFilling ? limit : 0
        pieces.removeAll()
        var room = addRoom(of: chain, limit: limit)
        var moreCount = 0
        while room < wanted, turns.isEmpty, pieces.count < StreamSocket.piecesMax,
            let more = popMore(moreCount, of: queue)
        {
            moreCount &+= 1
            room &+= addRoom(of: more, limit: limit &- room)
        }
        let arrival =
            isMessage
            ? MessageSocket.peek(into: pieces, from: socket.descriptor)
            : StreamSocket.receive(into: pieces, from: socket.descriptor)
        switch arrival {
        case .bytes(let left) where isMessage:
            return message(left, of: connection, from: socket, over: chain, moreCount, of: queue)
        case .bytes(let count):
            connection.isFilling = UInt64(count) == room
            // Less than there was room for: most likely all there was. Else the socket is readable at once again.
            if UInt64(count) < room, !connection.hasHungUp { connection.mayHaveData = false }
            return spread(UInt64(count), of: connection, over: chain, moreCount, of: queue)
        case .nothingNow:
            putBack(moreCount, of: queue)
            connection.mayHaveData = false
            return nil
        case .end:
            putBack(moreCount, of: queue)
            hostSendsNothing(connection)
            return nil
        }
    }

    /// Adds the room of a chain for data to `pieces`.
    func addRoom(of chain: ChainBuffers, limit: UInt64) -> UInt64 {
        var room = chain.writer
        room.skip(UInt64(VsockHeader.byteCount))
        guard let part = room.split(min(limit, room.remaining)) else { return 0 }
        part.appendVectors(to: &pieces)
        return part.remaining
    }

    /// Takes one more chain of the guest for the burst.
    func popMore(_ index: Int, of queue: Queue) -> ChainBuffers? {
        guard index < Self.burstChainCount else { return nil }
        if index == moreChains.count { moreChains.append(ChainBuffers(capacity: 2)) }
        let chain = moreChains[index]
        do throws(QueueError) {
            guard let head = try queue.pop(into: chain) else { return nil }
            if chain.writableByteCount > UInt64(VsockHeader.byteCount) { return chain }
            chain.removeAll()
            queue.undoPop(head)
        } catch {
            // A malformed chain goes back first, as those before it may have to; it is found again by the next one who
            // looks, and so is a broken ring.
            if let head = error.head { queue.undoPop(head) }
        }
        return nil
    }

    /// Puts back the last of what `popMore` took.
    func putBack(_ count: Int, of queue: Queue) {
        for chain in moreChains.prefix(count).reversed() {
            guard let head = chain.head else { continue }
            chain.removeAll()
            queue.undoPop(head)
        }
    }

    /// Counts data that was received into one chain or several, writes the headers to it, and puts back what it did not reach.
    /// - Parameters:
    ///   - byteCount: how much was received.
    ///   - connection: whose it is.
    ///   - chain: where it begins.
    ///   - moreCount: how many of `moreChains` follow.
    ///   - queue: whose chains they are.
    ///   - flags: of the last packet.
    func spread(
        _ byteCount: UInt64, of connection: Connection, over chain: ChainBuffers, _ moreCount: Int, of queue: Queue,
        endingIn flags: VsockFlags = []
    ) -> ChainOutcome {
        connection.state.credit.send(UInt32(truncatingIfNeeded: byteCount))
        counters.bytesToGuest &+= byteCount
        guard moreCount > 0 else { return .used(written: head(byteCount, of: connection, into: chain, flags)) }
        var left = byteCount
        for index in -1..<moreCount where left > 0 || index < 0 {
            let chain = index < 0 ? chain : moreChains[index]
            let count = min(left, chain.writableByteCount &- UInt64(VsockHeader.byteCount))
            left &-= count
            queue.stage(chain, written: head(count, of: connection, into: chain, left == 0 ? flags : []))
        }
        putBack(moreCount, of: queue)
        // That is: it was staged here, in its order.
        return .inFlight
    }

    /// Writes the header before data that is there already.
    private func head(
        _ byteCount: UInt64, of connection: Connection, into chain: ChainBuffers, _ flags: VsockFlags
    ) -> UInt32 {
        let count = UInt32(truncatingIfNeeded: byteCount)
        return write(header(.data, of: connection, flags: flags, payloadByteCount: count), into: chain) &+ count
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
            type: connection.state.type, flags: flags)
        connection.state.credit.tell(&header)
        return header
    }
}
