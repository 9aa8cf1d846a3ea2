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
    func deliverMessage(
        _ packet: VsockPacket, to socket: HostSocket, of connection: Connection, _ messages: MessageLengths
    ) {
        let byteCount = packet.payloadByteCount
        // 5.10.6.6.1. What ends a record ends a message too, if the guest does what it must.
        let isEnd = packet.header.flags.contains(.endOfMessage)
        if isEnd, messages.first == nil, messages.openByteCount == 0 {
            pieces.removeAll()
            packet.payload.appendVectors(to: &pieces)
            if pieces.count <= StreamSocket.piecesMax, send(byteCount, to: socket, of: connection) != .later { return }
        }
        // There is room, as the credit was checked; there may be no memory.
        guard connection.buffer.append(packet.payload) else { return violate(connection) }
        messages.extend(Int(byteCount))
        guard isEnd else { return }
        let isFirst = messages.first == nil
        guard messages.end() else { return violate(connection) }
        if isFirst { flush(connection) }
    }

    /// The guest sends no more: a message that it began is none.
    func dropOpenMessage(of connection: Connection) {
        guard let byteCount = connection.messages?.removeOpen(), byteCount > 0 else { return }
        connection.buffer.removeLast(byteCount)
        connection.state.forward(UInt32(truncatingIfNeeded: byteCount))
    }

    /// Has the guest get the next part of the host's message, which a look has put behind the places of the headers.
    /// - Parameters:
    ///   - left: how much of the message had not been looked at.
    ///   - connection: whose it is.
    ///   - socket: where it is until all of it was looked at.
    ///   - chain: where the part begins.
    ///   - moreCount: how many of `moreChains` follow.
    ///   - queue: whose chains they are.
    /// - Returns: what became of the chain; nil if the connection is gone.
    func message(
        _ left: Int, of connection: Connection, from socket: HostSocket, over chain: ChainBuffers, _ moreCount: Int,
        of queue: Queue
    ) -> ChainOutcome? {
        // A guest's program reads no message that is not whole, so one larger than its buffer never would be.
        guard connection.passedByteCount &+ left <= Int(connection.state.credit.peerBufferByteCount) else {
            putBack(moreCount, of: queue)
            return tooLong(connection)
        }
        let count = min(left, MessageSocket.room(in: pieces))
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
        return spread(
            UInt64(truncatingIfNeeded: count), of: connection, over: chain, moreCount, of: queue,
            endingIn: isWhole ? .endOfMessage : [])
    }

    /// A message in either direction can never be whole: the connection ends on both sides.
    @discardableResult
    func tooLong(_ connection: Connection) -> ChainOutcome? {
        counters.overlongMessages &+= 1
        removeAndTell(connection)
        return nil
    }
}
