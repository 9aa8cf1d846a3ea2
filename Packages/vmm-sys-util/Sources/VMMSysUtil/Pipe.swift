// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Both ends of a pipe, close-on-exec. Each end can be taken out and moved on alone.
@frozen
public struct Pipe: ~Copyable, Sendable {
    /// Where bytes come out; at the end of file once no write end is left.
    public let readEnd: FileDescriptor
    /// Where bytes go in; `.brokenPipe` (and SIGPIPE) once no read end is left.
    public let writeEnd: FileDescriptor

    /// Makes a pipe.
    /// - Parameter isNonBlocking: applies to both ends.
    public init(isNonBlocking: Bool = false) throws(Errno) {
        let (read, write) = try Syscall.pipe(flags: O_CLOEXEC | (isNonBlocking ? O_NONBLOCK : 0))
        readEnd = FileDescriptor(owning: read)
        writeEnd = FileDescriptor(owning: write)
    }
}

/// Two connected Unix sockets, close-on-exec. Each can be taken out and moved on alone.
@frozen
public struct SocketPair: ~Copyable, Sendable {
    /// What a send means on the other side.
    public enum Style: Sendable {
        /// Bytes without borders.
        case stream
        /// Messages, in order, with an end of file.
        case sequencedPacket
        /// Messages.
        case datagram

        /// The number that `socket` takes.
        var number: Int32 {
            switch self {
            case .stream: Int32(SOCK_STREAM.rawValue)
            case .sequencedPacket: Int32(SOCK_SEQPACKET.rawValue)
            case .datagram: Int32(SOCK_DGRAM.rawValue)
            }
        }
    }

    /// One side.
    public let first: FileDescriptor
    /// The other side.
    public let second: FileDescriptor

    /// Makes a connected pair.
    public init(_ style: Style = .stream, isNonBlocking: Bool = false) throws(Errno) {
        let flags = Int32(SOCK_CLOEXEC.rawValue) | (isNonBlocking ? Int32(SOCK_NONBLOCK.rawValue) : 0)
        let (one, other) = try Syscall.socketPair(type: style.number | flags)
        first = FileDescriptor(owning: one)
        second = FileDescriptor(owning: other)
    }
}
