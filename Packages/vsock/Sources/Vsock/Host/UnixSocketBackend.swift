// SPDX-License-Identifier: Apache-2.0
internal import CVsock
public import VMMSysUtil

/// Unix sockets as Firecracker maps them: programs connect to `path` and say `CONNECT port`; for a guest that connects
/// to port P of the host, a program listens on `path_P`. Packets, which Firecracker has not, work alike: programs connect
/// to `packetPath`, a SOCK_SEQPACKET, and the first message is the line.
public final class UnixSocketBackend: VsockBackend {
    /// Where programs open streams.
    public let path: String
    /// Where they open connections of packets; nil if they cannot, or if that socket was handed over.
    public let packetPath: String?
    private let streams: SocketFile
    private let packets: SocketFile?

    /// Makes the sockets, which only their owner may connect to, and listens. Their files go with the backend.
    /// - Parameters:
    ///   - path: must not exist. With `_` and a port of up to ten digits behind it, it must fit in 107 bytes.
    ///   - packetPath: must not exist, and fit in 107 bytes; nil if programs need no packets.
    ///   - backlog: how many programs may wait to be accepted, at each.
    public init(path: String, packetPath: String? = nil, backlog: Int32 = 128) throws(UnixSocketError) {
        try Self.check(path)
        streams = try SocketFile(path, .stream, backlog: backlog)
        if let packetPath {
            packets = try SocketFile(packetPath, .sequencedPacket, backlog: backlog)
        } else {
            packets = nil
        }
        self.path = path
        self.packetPath = packetPath
    }

    /// Takes over sockets that listen already, as a process in a sandbox is given them. Their files are left alone.
    /// - Parameters:
    ///   - socket: bound and listening, for streams.
    ///   - packetSocket: the same for packets; nil if programs need none.
    ///   - path: what `_` and a port are put behind for the guest's connections.
    public init(
        listening socket: consuming FileDescriptor, packets packetSocket: consuming FileDescriptor? = nil, path: String
    ) throws(UnixSocketError) {
        try Self.check(path)
        streams = try SocketFile(listening: socket, path: path)
        if let packetSocket {
            packets = try SocketFile(listening: packetSocket, path: path)
        } else {
            packets = nil
        }
        self.path = path
        packetPath = nil
    }

    /// The longest that will ever be connected to: told now, not when a guest comes.
    private static func check(_ path: String) throws(UnixSocketError) {
        guard !path.isEmpty, !path.utf8.contains(0), path.utf8.count + 11 <= UnixSocket.pathByteCountMax else {
            throw .path(path)
        }
    }

    /// Connects to `path_port`, where a socket of the guest's kind must listen.
    public func connect(toPort port: UInt32, type: VsockSocketType) throws(Errno) -> FileDescriptor {
        let style: SocketPair.Style = type == .sequencedPacket ? .sequencedPacket : .stream
        return try UnixSocket.connect("\(path)_\(port)", style, isBlocking: false)
    }

    /// Lends the socket at `path`, or that for packets.
    public func withListener(_ type: VsockSocketType, _ body: (borrowing FileDescriptor) -> Void) {
        guard type == .sequencedPacket else { return body(streams.socket) }
        switch packets {
        case .some(let packets): body(packets.socket)
        case .none: break
        }
    }

    /// Takes the next program that connected.
    public func accept(_ type: VsockSocketType = .stream) throws(Errno) -> FileDescriptor {
        var number: Int32 = -1
        withListener(type) { number = $0.rawValue }
        return FileDescriptor(owning: try retryOnInterrupt { cvsock_accept(number) })
    }
}

/// Why there is no socket to listen on.
public enum UnixSocketError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The path is empty, holds a NUL, or is too long with a port behind it.
    case path(String)
    /// The host refused; `.addressInUse` if the path exists.
    case listen(String, Errno)

    /// One line, the cause last.
    public var description: String {
        switch self {
        case .path(let path):
            "socket path \(path) is empty or longer than \(UnixSocket.pathByteCountMax - 11) bytes"
        case .listen(let path, let error): "cannot listen on \(path): \(error)"
        }
    }
}
