// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil
internal import VMMemory

/// What the host's end of a connection had.
package enum Arrival: Equatable {
    /// So many bytes; of a message, so many had not been looked at.
    case bytes(Int)
    case nothingNow
    case end
}

/// What the device does with the host's end of a connection, of a stream where it makes a difference. No call waits, and none raises SIGPIPE.
enum StreamSocket {
    private static let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
    private static let peekFlags = flags | Int32(MSG_PEEK)
    /// At most this many messages are thrown away, or 4 KiB of a stream each time.
    private static let discardsMax = 64
    /// At most this many pieces in one call (`IOV_MAX`).
    static let piecesMax = 1024

    /// Sends pieces of memory, once.
    /// - Returns: how many bytes the host took.
    static func send(_ pieces: borrowing IOVecs, to socket: borrowing FileDescriptor) throws(Errno) -> Int {
        let number = socket.rawValue
        var message = message(pieces)
        return try retryOnInterrupt { sendmsg(number, &message, flags) }
    }

    /// Receives into pieces of memory, once.
    static func receive(into pieces: borrowing IOVecs, from socket: borrowing FileDescriptor) -> Arrival {
        let number = socket.rawValue
        var message = message(pieces)
        do throws(Errno) {
            let count = try retryOnInterrupt { recvmsg(number, &message, flags) }
            return count == 0 ? .end : .bytes(count)
        } catch .wouldBlock {
            return .nothingNow
        } catch {
            // ECONNRESET: the host closed with bytes of the guest unread. No more will come, which is what an end says.
            return .end
        }
    }

    /// Sends a few bytes for which there is always room; what goes wrong shows later.
    static func sendNow(_ bytes: [UInt8], to socket: borrowing FileDescriptor) {
        _ = Glibc.send(socket.rawValue, bytes, bytes.count, flags)
    }

    /// Looks at what came, without taking it.
    static func peek(into buffer: UnsafeMutableRawBufferPointer, from socket: borrowing FileDescriptor) -> Arrival {
        let number = socket.rawValue
        do throws(Errno) {
            let count = try retryOnInterrupt { Glibc.recv(number, buffer.baseAddress, buffer.count, peekFlags) }
            return count == 0 ? .end : .bytes(count)
        } catch .wouldBlock {
            return .nothingNow
        } catch {
            return .end
        }
    }

    /// Takes bytes that `peek` showed.
    /// - Returns: whether there were any.
    @discardableResult
    static func skip(_ buffer: UnsafeMutableRawBufferPointer, from socket: borrowing FileDescriptor) -> Bool {
        Glibc.recv(socket.rawValue, buffer.baseAddress, buffer.count, flags) > 0
    }

    /// Throws away what came so far, up to a bound: a socket that is closed with something unread looks like an error at
    /// the other end, and not like an end. What comes in the very moment may still.
    static func discard(from socket: borrowing FileDescriptor) {
        withUnsafeTemporaryAllocation(byteCount: 4096, alignment: 1) { buffer in
            for _ in 0..<discardsMax where !skip(buffer, from: socket) { break }
        }
    }

    /// The host reads the end of the stream after the last byte sent.
    static func endSending(_ socket: borrowing FileDescriptor) { shutdown(socket.rawValue, Int32(SHUT_WR)) }

    /// The host's writes fail from now on.
    static func endReceiving(_ socket: borrowing FileDescriptor) { shutdown(socket.rawValue, Int32(SHUT_RD)) }

    /// The first `piecesMax` pieces as a call takes them.
    static func message(_ pieces: borrowing IOVecs) -> msghdr {
        var message = msghdr()
        message.msg_iov = UnsafeMutablePointer(mutating: pieces.pointer)
        message.msg_iovlen = min(pieces.count, piecesMax)
        return message
    }
}
