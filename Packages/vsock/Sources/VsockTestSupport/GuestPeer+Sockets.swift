// SPDX-License-Identifier: Apache-2.0
internal import VirtioQueueTestSupport
public import Vsock

/// The guest's sockets.
extension GuestPeer {
    /// Opens a connection to a port of the host. It is established after `run()`, or closed.
    public func connect(
        toHostPort hostPort: UInt32, from port: UInt32? = nil, type: VsockSocketType = .stream
    ) throws -> GuestSocket {
        let own = port ?? nextPort
        if port == nil { nextPort += 1 }
        let socket = GuestSocket(
            type, port: own, hostPort: hostPort, phase: .connecting, bufferByteCount: bufferByteCount)
        sockets[SocketName(port: own, hostPort: hostPort)] = socket
        try say(.request, socket)
        return socket
    }

    /// Sends as much as the host has room for.
    /// - Returns: how many bytes.
    @discardableResult
    public func send(_ bytes: [UInt8], on socket: GuestSocket, packetByteCount: Int = 64 << 10) throws -> Int {
        var done = 0
        while done < bytes.count, socket.phase == .established, backlog.isEmpty {
            let count = min(bytes.count - done, socket.credit, packetByteCount)
            guard count > 0 else { break }
            var header = header(.data, port: socket.port, hostPort: socket.hostPort, payloadByteCount: UInt32(count))
            complete(&header, socket)
            guard try put(header, Array(bytes[done..<(done + count)])) else { break }
            socket.sent &+= UInt32(count)
            done += count
            if rings { notify(1) }
        }
        return done
    }

    /// Sends a message, or what the host has room for of the rest of one, as a kernel does while its program waits.
    /// - Parameters:
    ///   - message: all of it.
    ///   - done: how much of it was sent before.
    ///   - socket: of packets.
    ///   - packetByteCount: the longest packet.
    ///   - isRecord: whether it ends a record (`MSG_EOR`).
    /// - Returns: how much was sent in all; nil, and nothing is, for one that is larger than the host's buffer
    ///   (`EMSGSIZE`), or for an empty one that the queue has no room for.
    public func send(
        message: [UInt8], after done: Int = 0, on socket: GuestSocket, packetByteCount: Int = 64 << 10,
        isRecord: Bool = false
    ) throws -> Int? {
        guard message.count <= socket.messageByteCountMax else { return nil }
        var done = done
        var isSent = !message.isEmpty
        repeat {
            guard socket.phase == .established, backlog.isEmpty else { break }
            let count = min(message.count - done, socket.credit, packetByteCount)
            guard count > 0 || message.isEmpty else { break }
            var header = header(.data, port: socket.port, hostPort: socket.hostPort, payloadByteCount: UInt32(count))
            if done + count == message.count {
                header.flags = isRecord ? [.endOfMessage, .endOfRecord] : .endOfMessage
            }
            complete(&header, socket)
            guard try put(header, Array(message[done..<(done + count)])) else { break }
            socket.sent &+= UInt32(count)
            done += count
            isSent = true
            if rings { notify(1) }
        } while done < message.count
        return isSent ? done : nil
    }

    /// The program reads what came, up to a limit, and the host hears of the room.
    public func read(_ socket: GuestSocket, _ limit: Int = .max) throws -> [UInt8] {
        let bytes = Array(socket.unread.prefix(limit))
        socket.unread.removeFirst(bytes.count)
        try didRead(bytes.count, socket)
        return bytes
    }

    /// The program reads the next message.
    /// - Returns: nil if none is whole.
    public func readMessage(_ socket: GuestSocket) throws -> GuestSocket.Message? {
        guard !socket.messages.isEmpty else { return nil }
        let message = socket.messages.removeFirst()
        try didRead(message.bytes.count, socket)
        return message
    }

    private func didRead(_ byteCount: Int, _ socket: GuestSocket) throws {
        socket.forwarded &+= UInt32(byteCount)
        if socket.phase == .established, socket.forwarded &- socket.told >= socket.bufferByteCount / 4 {
            try say(.creditUpdate, socket)
        }
        // A kernel ends what the host ended once the last byte was read.
        if socket.hostShutdown == .noMoreAtAll, socket.isDrained { try reset(socket) }
    }

    /// Will send, or receive, no more. Only for a socket that is connected.
    public func shutDown(_ socket: GuestSocket, _ flags: VsockFlags) throws {
        guard socket.phase == .established else { return }
        socket.ownShutdown.formUnion(flags)
        try say(.shutdown, socket, socket.ownShutdown)
    }

    /// Closes: SHUTDOWN of both directions; the host answers by an RST.
    public func close(_ socket: GuestSocket) throws {
        if socket.hostShutdown == .noMoreAtAll { try reset(socket) } else { try shutDown(socket, .noMoreAtAll) }
    }

    /// Ends the connection at once.
    public func reset(_ socket: GuestSocket) throws {
        guard socket.phase != .closed else { return }
        socket.phase = .closed
        sockets[SocketName(port: socket.port, hostPort: socket.hostPort)] = nil
        try say(.reset, socket)
    }

    func say(_ operation: VsockOperation, _ socket: GuestSocket, _ flags: VsockFlags = []) throws {
        var header = header(operation, port: socket.port, hostPort: socket.hostPort)
        header.flags = flags
        complete(&header, socket)
        try sendSoon(header)
    }

    private func complete(_ header: inout VsockHeader, _ socket: GuestSocket) {
        header.type = socket.type
        header.bufferByteCount = socket.bufferByteCount
        header.forwardedCount = socket.forwarded
        socket.told = socket.forwarded
    }

    /// Has the sockets see a packet that came while `answers` was off.
    public func receive(_ packet: Packet) throws { try answer(packet) }

    /// Has the sockets see all that came while `answers` was off, in its order.
    public func catchUp() throws {
        let packets = unanswered
        unanswered.removeAll()
        for packet in packets { try answer(packet) }
        let buffers = unansweredEvents
        unansweredEvents.removeAll()
        for buffer in buffers { try dropSockets(givingBack: buffer) }
    }

    /// Forgets the packets that came while `answers` was off.
    public func forgetUnanswered() { unanswered.removeAll() }

    /// What a guest kernel does at a transport reset: its connections are gone, and the event was dealt with.
    func dropSockets(givingBack buffer: DriverQueue.Buffer) throws {
        forgetSockets()
        try offerEventBuffer(buffer)
        notify(2)
    }

    func forgetSockets() {
        for socket in sockets.values { socket.phase = .closed }
        sockets.removeAll()
    }

    /// What a guest kernel does with a packet.
    func answer(_ packet: Packet) throws {
        let header = packet.header
        let name = SocketName(port: header.destinationPort, hostPort: header.sourcePort)
        guard let socket = sockets[name] else {
            if header.operation == .request, listening.contains(name.port) {
                let socket = GuestSocket(
                    header.type, port: name.port, hostPort: name.hostPort, phase: .established,
                    bufferByteCount: bufferByteCount)
                socket.hostBuffer = header.bufferByteCount
                socket.hostForwarded = header.forwardedCount
                sockets[name] = socket
                incoming.append(socket)
                try say(.response, socket)
            } else if header.operation != .reset {
                try sendSoon(header.resetAnswer)
            }
            return
        }
        guard header.type == socket.type else {
            if header.operation != .reset { try sendSoon(header.resetAnswer) }
            return
        }
        socket.hostBuffer = header.bufferByteCount
        socket.hostForwarded = header.forwardedCount
        switch header.operation {
        case .response where socket.phase == .connecting: socket.phase = .established
        case .reset:
            socket.phase = .closed
            sockets[name] = nil
        // Of an older connection with the same ports, as it seems.
        case _ where socket.phase == .connecting: try reset(socket)
        case .data: socket.take(packet)
        case .shutdown:
            socket.hostShutdown.formUnion(header.flags)
            if socket.hostShutdown == .noMoreAtAll, socket.isDrained { try reset(socket) }
        case .creditRequest: try say(.creditUpdate, socket)
        default: break
        }
    }
}
