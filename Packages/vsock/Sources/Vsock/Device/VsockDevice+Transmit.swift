// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VMMSysUtil
internal import VirtioModel
internal import VirtioQueue

/// From the guest to the host.
extension VsockDevice {
    static let chainsPerTurn = 64

    /// Takes packets out of the guest's queue until there are none, the turn is over, or the guest does not take the
    /// RSTs that it causes (virtio 1.2, 5.10.6.1.2: go on only while there are resources for the answers).
    func takePackets(limit: Int, resetLimit: Int) -> QueueService {
        guard let queue = active?.transmit, strays.count < resetLimit else { return .drained }
        let outcome: ServeOutcome
        do throws(QueueError) {
            outcome = try queue.serve(into: transmitChain, limit: limit) { chain in
                guard strays.count < resetLimit else { return .putBack }
                takePacket(of: chain)
                return .used(written: 0)
            }
        } catch {
            sendGathered()
            fail(queue, 1, error)
            return .drained
        }
        sendGathered()
        signal(queue, 1)
        return outcome == .limitReached ? .again : .drained
    }

    private func takePacket(of chain: ChainBuffers) {
        let packet: VsockPacket
        do throws(VsockPacketError) {
            packet = try VsockPacket(from: chain)
        } catch {
            counters.malformed &+= 1
            // Bytes are missing in the middle of a stream: nothing can mend it.
            guard case .payloadTooShort(let header, _) = error, isAddressedRight(header),
                let connection = connections[header.key]
            else { return }
            violate(connection)
            return
        }
        let header = packet.header
        guard isAddressedRight(header) else {
            counters.misaddressed &+= 1
            return
        }
        if let connection = connections[header.key] {
            handle(packet, of: connection)
        } else if header.operation == .request, active?.features.allows(header.type) == true {
            open(header)
        } else if header.operation != .reset {
            strays.append(header.resetAnswer)
        }
    }

    /// 5.10.6.4.1: the guest speaks for itself only, and the host is all that it can reach.
    private func isAddressedRight(_ header: VsockHeader) -> Bool {
        header.sourceCID == guestCID.rawValue && header.destinationCID == GuestCID.host
    }

    private func handle(_ packet: VsockPacket, of connection: Connection) {
        // What a packet says comes after what those before it brought.
        if packet.header.operation != .data || gathered.connection !== connection { sendGathered() }
        switch connection.state.receive(packet.header, payloadByteCount: packet.payloadByteCount) {
        case .none: break
        case .accepted: guestAccepted(connection)
        case .deliver: deliver(packet, to: connection)
        case .messageTooLong: tooLong(connection)
        case .shutDown: guestShutDown(connection)
        case .gone:
            if connection.state.phase != .established { counters.refused &+= 1 }
            remove(connection)
        case .violation where packet.header.type != connection.state.type:
            // The guest has forgotten the connection, and is told of the one that it means.
            counters.violations &+= 1
            remove(connection)
            strays.append(packet.header.resetAnswer)
        case .violation: violate(connection)
        }
        schedule(connection)
    }

    /// The guest broke a rule: the connection ends on both sides.
    func violate(_ connection: Connection) {
        counters.violations &+= 1
        removeAndTell(connection)
    }

    /// Straight from guest memory into the host's socket; what it does not take is kept.
    private func deliver(_ packet: VsockPacket, to connection: Connection) {
        let byteCount = packet.payloadByteCount
        counters.bytesFromGuest &+= UInt64(byteCount)
        guard !connection.isHostDeaf, let socket = connection.socket else {
            connection.state.forward(byteCount)
            return
        }
        if let messages = connection.messages {
            deliverMessage(packet, to: socket, of: connection, messages)
        } else if byteCount > 0 {
            deliverStream(packet.payload, to: socket, of: connection)
        }
    }

    private func deliverStream(_ payload: ChainReader, to socket: HostSocket, of connection: Connection) {
        let byteCount = UInt32(truncatingIfNeeded: payload.remaining)
        if gather(payload, of: connection) { return }
        sendGathered()
        guard !connection.isHostDeaf, !connection.isGone else {
            connection.state.forward(byteCount)
            return
        }
        if gather(payload, of: connection) { return }
        var rest = payload
        if connection.buffer.isEmpty {
            pieces.removeAll()
            payload.appendVectors(to: &pieces)
            switch send(byteCount, to: socket, of: connection) {
            case .taken(let count): rest.skip(UInt64(count))
            case .later: break
            case .hostIsDeaf: return
            }
        }
        guard rest.remaining > 0 else { return }
        // There is room, as the credit was checked; there may be no memory.
        if !connection.buffer.append(rest) { removeAndTell(connection) }
    }

    /// Puts a small packet to those before it, if nothing is kept that goes first.
    private func gather(_ payload: ChainReader, of connection: Connection) -> Bool {
        connection.buffer.isEmpty && payload.remaining <= UInt64(GatheredPackets.packetByteCountMax)
            && gathered.append(payload, of: connection)
    }

    /// Gives the host the small packets that were gathered; what it does not take is kept.
    func sendGathered() {
        guard let (connection, bytes) = gathered.take() else { return }
        let byteCount = UInt32(truncatingIfNeeded: bytes.count)
        guard !connection.isHostDeaf, let socket = connection.socket, let start = bytes.baseAddress else {
            connection.state.forward(byteCount)
            return
        }
        pieces.removeAll()
        pieces.append(start, byteCount: bytes.count)
        let taken: Int
        switch send(byteCount, to: socket, of: connection) {
        case .taken(let count): taken = count
        case .later: taken = 0
        case .hostIsDeaf: taken = bytes.count
        }
        if taken < bytes.count {
            let rest = UnsafeRawBufferPointer(rebasing: bytes.dropFirst(taken))
            if !connection.buffer.append(rest) { removeAndTell(connection) }
        }
        schedule(connection)
    }

    /// What became of bytes for the host.
    enum Sending: Equatable {
        /// It took so many; of a message all.
        case taken(Int)
        /// It takes none now.
        case later
        /// It takes nothing any more, and all count as passed on.
        case hostIsDeaf
    }

    /// Sends `pieces`, as a message to a socket of packets, and counts what went.
    func send(_ byteCount: UInt32, to socket: HostSocket, of connection: Connection) -> Sending {
        do throws(Errno) {
            var taken = Int(byteCount)
            if connection.messages == nil {
                taken = try StreamSocket.send(pieces, to: socket.descriptor)
            } else {
                try MessageSocket.send(pieces, to: socket.descriptor)
            }
            connection.state.forward(UInt32(truncatingIfNeeded: taken))
            return .taken(taken)
        } catch {
            if error == .wouldBlock { return .later }
            connection.state.forward(byteCount)
            hostTakesNothing(connection)
            return .hostIsDeaf
        }
    }
}

extension VsockHeader {
    /// The connection that a packet of the guest is of.
    var key: ConnectionKey { ConnectionKey(hostPort: destinationPort, guestPort: sourcePort) }

    /// Whether a packet for the guest is of the same pair of ports as one of the guest.
    func answers(_ packet: VsockHeader) -> Bool {
        sourcePort == packet.destinationPort && destinationPort == packet.sourcePort
    }
}
