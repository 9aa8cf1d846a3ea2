// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMemory
public import VMMSysUtil
internal import Vsock

/// A program of the host at its end of a Unix socket. Nothing waits.
public final class HostProgram {
    private var socket: FileDescriptor?

    /// Takes over a connected socket.
    public init(_ socket: consuming FileDescriptor) {
        try? socket.setNonBlocking()
        self.socket = consume socket
    }

    /// Takes over a connected socket of packets, whose messages may be so long.
    public convenience init(
        packets socket: consuming FileDescriptor, messageByteCount: UInt32 = 1 << 20
    ) throws(Errno) {
        _ = try MessageSocket.prepare(socket, messageByteCount: messageByteCount)
        self.init(socket)
    }

    /// Connects to a listening Unix socket.
    public convenience init(path: String) throws(Errno) {
        let socket = try UnixSocket.connect(path)
        self.init(socket)
    }

    private var number: Int32 {
        switch socket {
        case .some(let socket): socket.rawValue
        case .none: -1
        }
    }

    /// Sends as much as the socket takes.
    /// - Returns: how many bytes, 0 if none now.
    /// - Throws: what the program would see, `.brokenPipe` above all.
    @discardableResult
    public func send(_ bytes: some Collection<UInt8>) throws(Errno) -> Int {
        let bytes = Array(bytes)
        let number = number
        do throws(Errno) {
            return try retryOnInterrupt { Glibc.send(number, bytes, bytes.count, Int32(MSG_NOSIGNAL)) }
        } catch .wouldBlock {
            return 0
        }
    }

    /// Sends text.
    @discardableResult
    public func send(_ text: String) throws(Errno) -> Int { try send(Array(text.utf8)) }

    /// Receives what is there, up to a number of bytes.
    /// - Returns: nil at the end of the stream, an empty array if nothing is there now.
    public func receive(_ limit: Int = 1 << 20) throws(Errno) -> [UInt8]? {
        let number = number
        var bytes = [UInt8](repeating: 0, count: limit)
        do throws(Errno) {
            let count = try retryOnInterrupt { Glibc.recv(number, &bytes, limit, 0) }
            guard count > 0 else { return nil }
            bytes.removeLast(limit - count)
            return bytes
        } catch .wouldBlock {
            return []
        }
    }

    /// Sends a message of packets.
    /// - Returns: false, and nothing is sent, if there is no room now.
    /// - Throws: what the program would see.
    public func send(message: [UInt8]) throws(Errno) -> Bool {
        let number = number
        do throws(Errno) {
            try retryOnInterrupt { Glibc.send(number, message, message.count, Int32(MSG_NOSIGNAL)) }
            return true
        } catch .wouldBlock {
            return false
        }
    }

    /// What a program that reads packets finds.
    public enum Received: Equatable, Sendable {
        /// A message, whole.
        case message([UInt8])
        /// None now.
        case nothing
        /// None any more.
        case end
    }

    /// Receives the next message, of at most `limit` bytes. Only after `init(packets:)`.
    public func receiveMessage(_ limit: Int = 1 << 19) -> Received {
        var bytes = [UInt8](repeating: 0, count: limit)
        let arrival = bytes.withUnsafeMutableBytes { buffer in
            var pieces = IOVecs(capacity: 1)
            if let base = buffer.baseAddress { pieces.append(base, byteCount: buffer.count) }
            switch socket {
            case .some(let socket):
                let arrival = MessageSocket.peek(into: pieces, from: socket)
                if case .bytes = arrival { return MessageSocket.drop(from: socket) ? arrival : .end }
                return arrival
            case .none: return .end
            }
        }
        switch arrival {
        case .bytes(let count): return .message(Array(bytes.prefix(count)))
        case .nothingNow: return .nothing
        case .end: return .end
        }
    }

    /// Says that it will send no more; the guest reads an end.
    public func endSending() { shutdown(number, Int32(SHUT_WR)) }

    /// Says that it will receive no more; the guest's writes fail.
    public func endReceiving() { shutdown(number, Int32(SHUT_RD)) }

    /// Closes its end.
    public func close() { socket = nil }
}
