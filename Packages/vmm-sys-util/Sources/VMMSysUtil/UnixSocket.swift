// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// Unix sockets that live at a path (unix(7)); streams, where nothing else is said.
public enum UnixSocket {
    /// The most bytes of a path: `sun_path` without the NUL at its end.
    public static let pathByteCountMax = 107

    /// A socket without a name, closed on exec.
    public static func make(
        _ style: SocketPair.Style = .stream, isBlocking: Bool = true
    ) throws(Errno) -> FileDescriptor {
        let flags = Int32(SOCK_CLOEXEC.rawValue) | (isBlocking ? 0 : Int32(SOCK_NONBLOCK.rawValue))
        return FileDescriptor(owning: try retryOnInterrupt { socket(AF_UNIX, style.number | flags, 0) })
    }

    /// Gives a socket the name under which others connect.
    /// - Throws: `.addressInUse` where there is a file, whatever it is; `.nameTooLong` above `pathByteCountMax`;
    ///   `.invalidArgument` for a path that is empty or has a NUL inside.
    public static func bind(_ socket: borrowing FileDescriptor, to path: String) throws(Errno) {
        let number = socket.rawValue
        try withAddress(path) { Glibc.bind(number, $0, $1) }
    }

    /// Connects a socket to who listens at a path.
    /// - Throws: `.connectionRefused` where nobody listens; `.wouldBlock` if the socket does not block and the
    ///   listener's queue is full; and as `bind` for a path that is none.
    public static func connect(_ socket: borrowing FileDescriptor, to path: String) throws(Errno) {
        let number = socket.rawValue
        try withAddress(path) { Glibc.connect(number, $0, $1) }
    }

    /// A new socket that is connected to who listens at a path.
    /// - Parameters:
    ///   - path: where.
    ///   - style: what a send means; the listener's must be the same.
    ///   - isBlocking: whether its calls wait.
    /// - Throws: as above, and `.wrongProtocolType` if the listener's style is another.
    public static func connect(
        _ path: String, _ style: SocketPair.Style = .stream, isBlocking: Bool = true
    ) throws(Errno) -> FileDescriptor {
        let socket = try make(style, isBlocking: isBlocking)
        try connect(socket, to: path)
        return socket
    }

    /// A new socket that listens at a path, to which only its owner may connect.
    /// - Parameters:
    ///   - path: where; nothing may be there yet.
    ///   - style: what a send means.
    ///   - backlog: how many may wait to be accepted.
    ///   - isBlocking: whether `accept` waits.
    /// - Throws: as `bind`.
    public static func listen(
        _ path: String, _ style: SocketPair.Style = .stream, backlog: Int32 = 128, isBlocking: Bool = true
    ) throws(Errno) -> FileDescriptor {
        let socket = try make(style, isBlocking: isBlocking)
        let number = socket.rawValue
        // A socket's own mode is its file's. The umask is the whole process's: two threads that set it may leave it so.
        try retryOnInterrupt { fchmod(number, 0o600) }
        try bind(socket, to: path)
        try retryOnInterrupt { Glibc.listen(number, backlog) }
        return socket
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) throws(Errno) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = path.utf8
        guard bytes.count <= pathByteCountMax else { throw .nameTooLong }
        guard !bytes.isEmpty, !bytes.contains(0) else { throw .invalidArgument }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        try retryOnInterrupt {
            withUnsafePointer(to: address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
                }
            }
        }
    }
}
