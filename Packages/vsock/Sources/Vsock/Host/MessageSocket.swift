// SPDX-License-Identifier: Apache-2.0
internal import Glibc
package import VMMSysUtil
package import VMMemory

/// What the device does with the host's end of a connection of packets, a Unix SOCK_SEQPACKET. No call waits, and none
/// raises SIGPIPE.
///
/// A message is looked at before it is taken, and from where the last look ended. So it goes to the guest in pieces of any
/// size, without a copy in the device, and none is ever cut.
package enum MessageSocket {
    private static let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
    private static let peekFlags = flags | Int32(MSG_PEEK) | Int32(MSG_TRUNC)
    /// What a socket takes less than `SO_SNDBUF` of one message.
    private static let overhead: UInt32 = 32

    /// Makes a connected socket ready.
    /// - Parameter wanted: how long messages to it should be able to be; the host's `wmem_max` may be less.
    /// - Returns: how long they can be.
    /// - Throws: if it is no such socket.
    package static func prepare(
        _ socket: borrowing FileDescriptor, messageByteCount wanted: UInt32
    ) throws(Errno) -> UInt32 {
        // Looks begin where the last one ended.
        try set(SO_PEEK_OFF, 0, of: socket)
        // A message has a time, and an end has none: else an empty message and the end of all look the same.
        try set(SO_TIMESTAMP_OLD, 1, of: socket)
        if try room(of: socket) < wanted { try set(SO_SNDBUF, Int32(clamping: wanted), of: socket) }
        return min(wanted, try room(of: socket))
    }

    private static func room(of socket: borrowing FileDescriptor) throws(Errno) -> UInt32 {
        let number = socket.rawValue
        var size: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        try retryOnInterrupt { getsockopt(number, SOL_SOCKET, SO_SNDBUF, &size, &length) }
        return UInt32(clamping: size) &- min(overhead, UInt32(clamping: size))
    }

    private static func set(_ option: Int32, _ value: Int32, of socket: borrowing FileDescriptor) throws(Errno) {
        let number = socket.rawValue
        var value = value
        try retryOnInterrupt {
            setsockopt(number, SOL_SOCKET, option, &value, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    /// Sends pieces of memory, at most `StreamSocket.piecesMax`, as one message: all of it or nothing.
    static func send(_ pieces: borrowing IOVecs, to socket: borrowing FileDescriptor) throws(Errno) {
        let number = socket.rawValue
        var message = StreamSocket.message(pieces)
        try retryOnInterrupt { sendmsg(number, &message, flags) }
    }

    /// Copies the next bytes of the first message, as many as there is room for in the first
    /// `StreamSocket.piecesMax` pieces.
    package static func peek(into pieces: borrowing IOVecs, from socket: borrowing FileDescriptor) -> Arrival {
        let number = socket.rawValue
        // A program that closed with something unread leaves one error, and behind it what it had sent.
        for _ in 0..<2 {
            var message = StreamSocket.message(pieces)
            do throws(Errno) {
                let left = try retryOnInterrupt { recvmsg(number, &message, peekFlags) }
                // There is no room for the message's time.
                return left > 0 || message.msg_flags & Int32(MSG_CTRUNC) != 0 ? .bytes(left) : .end
            } catch .wouldBlock {
                return .nothingNow
            } catch {
                if error != .connectionReset { break }
            }
        }
        return .end
    }

    /// Takes the first message.
    /// - Returns: how long it was; what does not fit into `buffer` is lost. An empty one looks like an end.
    static func take(
        into buffer: UnsafeMutableRawBufferPointer, from socket: borrowing FileDescriptor
    ) -> Arrival {
        let number = socket.rawValue
        do throws(Errno) {
            let count = try retryOnInterrupt {
                recv(number, buffer.baseAddress, buffer.count, flags | Int32(MSG_TRUNC))
            }
            return count == 0 ? .end : .bytes(count)
        } catch {
            return error == .wouldBlock ? .nothingNow : .end
        }
    }

    /// How many bytes `peek` copies at most.
    static func room(in pieces: borrowing IOVecs) -> Int {
        var room = Int(clamping: pieces.byteCount)
        var index = StreamSocket.piecesMax
        while let piece = pieces[index] {
            room &-= piece.count
            index &+= 1
        }
        return room
    }

    /// Takes the first message away.
    /// - Returns: false if it cannot be, and would be seen again.
    package static func drop(from socket: borrowing FileDescriptor) -> Bool {
        let number = socket.rawValue
        for _ in 0..<2 {
            do throws(Errno) {
                _ = try retryOnInterrupt { recv(number, nil, 0, flags) }
                return true
            } catch {
                if error != .connectionReset { break }
            }
        }
        return false
    }
}
