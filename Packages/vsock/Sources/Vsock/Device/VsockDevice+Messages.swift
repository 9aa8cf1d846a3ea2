// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VMMSysUtil
internal import VirtioModel
internal import VirtioQueue

/// Connections of packets: what is sent at once is received at once, and nothing else is.
///
/// A message may come from the guest in many packets, the last of which says that it ends. The host gets it when it is
/// whole. A message of the host goes to the guest in as many packets as there is room for.
extension VsockDevice {
    /// A packet of the guest: straight from guest memory into the host's socket if it is a message, and else kept.
    func deliver(_ packet: VsockPacket, to connection: Connection, _ messages: MessageLengths) {
        let byteCount = packet.payloadByteCount
        counters.bytesFromGuest &+= UInt64(byteCount)
        guard !connection.isHostDeaf, let socket = connection.socket else {
            connection.state.forward(byteCount)
            return
        }
        // 5.10.6.6.1. What ends a record ends a message too, if the guest does what it must.
        let isEnd = packet.header.flags.contains(.endOfMessage)
        if isEnd, messages.first == nil, messages.openByteCount == 0 {
            pieces.removeAll()
            packet.payload.appendVectors(to: &pieces)
            if pieces.count <= MessageSocket.piecesMax, send(byteCount, to: socket, of: connection) != .later { return }
        }
        // There is room, as the credit was checked; there may be no memory.
        guard connection.buffer.append(packet.payload) else { return violate(connection) }
        messages.extend(Int(byteCount))
        guard isEnd else { return }
        let isFirst = messages.first == nil
        guard messages.end() else { return violate(connection) }
        if isFirst { flush(connection) }
    }

    /// What became of a message.
    private enum Sending {
        case done
        case later
        case hostIsDeaf
    }

    /// Sends `pieces` as a message and counts it.
    private func send(_ byteCount: UInt32, to socket: HostSocket, of connection: Connection) -> Sending {
        do throws(Errno) {
            try MessageSocket.send(pieces, to: socket.descriptor)
            connection.state.forward(byteCount)
            return .done
        } catch {
            if error == .wouldBlock { return .later }
            connection.state.forward(byteCount)
            hostTakesNothing(connection)
            return .hostIsDeaf
        }
    }

    /// Gives the host the whole messages that are kept for it, as far as it takes them.
    func flushMessages(_ connection: Connection, _ messages: MessageLengths) {
        while let length = messages.first, let socket = connection.socket {
            pieces.removeAll()
            connection.buffer.appendVectors(to: &pieces, limit: length)
            guard send(UInt32(truncatingIfNeeded: length), to: socket, of: connection) == .done else { return }
            connection.buffer.removeFirst(length)
            messages.removeFirst()
        }
    }

    /// The guest sends no more: a message that it began is none.
    func dropOpenMessage(of connection: Connection) {
        guard let byteCount = connection.messages?.removeOpen(), byteCount > 0 else { return }
        connection.buffer.removeLast(byteCount)
        connection.state.forward(UInt32(truncatingIfNeeded: byteCount))
    }

    /// Reads the next part of the host's message straight into the guest's buffers, behind the places of the headers.
    /// While nobody else waits for a turn, one that is longer than a buffer fills several at once: as many as its rest
    /// takes, or as the one before took.
    /// - Returns: what became of the chain; nil if nothing is to be said, or the connection is gone.
    func message(
        of connection: Connection, from socket: HostSocket, into chain: ChainBuffers, limit: UInt64, of queue: Queue
    ) -> ChainOutcome? {
        pieces.removeAll()
        var sum = addRoom(of: chain, limit: limit)
        var moreCount = 0
        while sum < min(limit, connection.expectedByteCount), turns.isEmpty, pieces.count < MessageSocket.piecesMax,
            let more = popMore(moreCount, of: queue)
        {
            moreCount &+= 1
            sum &+= addRoom(of: more, limit: limit &- sum)
        }
        let room = MessageSocket.room(in: pieces)
        switch MessageSocket.peek(into: pieces, from: socket.descriptor) {
        case .message(let left):
            // A guest's program reads no message that is not whole, so one larger than its buffer never would be.
            guard connection.passedByteCount &+ left <= Int(connection.state.credit.peerBufferByteCount) else {
                putBack(moreCount, of: queue)
                return tooLong(connection)
            }
            let count = min(left, room)
            connection.passedByteCount &+= count
            let isWhole = count == left
            connection.expectedByteCount = UInt64(
                truncatingIfNeeded: isWhole ? connection.passedByteCount : left &- count)
            if isWhole {
                connection.passedByteCount = 0
                if !MessageSocket.drop(from: socket.descriptor) {
                    // It would come again, and for ever.
                    putBack(moreCount, of: queue)
                    removeAndTell(connection)
                    return nil
                }
            }
            connection.state.credit.send(UInt32(truncatingIfNeeded: count))
            counters.bytesToGuest &+= UInt64(truncatingIfNeeded: count)
            return spread(
                UInt64(truncatingIfNeeded: count), of: connection, over: chain, moreCount, of: queue,
                endingIn: isWhole ? .endOfMessage : [])
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

    /// A message in either direction can never be whole: the connection ends on both sides.
    @discardableResult
    func tooLong(_ connection: Connection) -> ChainOutcome? {
        counters.overlongMessages &+= 1
        removeAndTell(connection)
        return nil
    }
}
