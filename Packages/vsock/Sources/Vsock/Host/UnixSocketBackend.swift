// SPDX-License-Identifier: Apache-2.0
internal import CVsock
internal import Glibc
public import VMMSysUtil

/// Unix sockets as Firecracker maps them: programs connect to `path` and say `CONNECT port`; for a guest that connects
/// to port P of the host, a program listens on `path_P`.
public final class UnixSocketBackend: VsockBackend {
    /// Where the backend listens.
    public let path: String
    private let listener: FileDescriptor
    /// The socket's file, which `deinit` removes unless somebody put another one there.
    private let file: FileIdentity?

    /// Makes the socket and listens.
    /// - Parameters:
    ///   - path: must not exist. With `_` and a port of up to ten digits behind it, it must fit in 107 bytes.
    ///   - backlog: how many programs may wait to be accepted.
    public init(path: String, backlog: Int32 = 128) throws(UnixSocketError) {
        // The longest that will ever be connected to: told now, not when a guest comes.
        guard !path.isEmpty, !path.utf8.contains(0), path.utf8.count + 11 <= UnixSocket.pathByteCountMax else {
            throw .path(path)
        }
        do throws(Errno) {
            let socket = try UnixSocket.make(isBlocking: false)
            try UnixSocket.bind(socket, to: path)
            try retryOnInterrupt { listen(socket.rawValue, backlog) }
            listener = socket
        } catch {
            throw .listen(path, error)
        }
        file = FileIdentity(path)
        self.path = path
    }

    /// Takes over a socket that listens already, as a process in a sandbox is given it.
    /// - Parameters:
    ///   - socket: bound and listening.
    ///   - path: what `_` and a port are put behind for the guest's connections. It is left alone at the end.
    public init(listening socket: consuming FileDescriptor, path: String) throws(UnixSocketError) {
        guard !path.isEmpty, !path.utf8.contains(0), path.utf8.count + 11 <= UnixSocket.pathByteCountMax else {
            throw .path(path)
        }
        do throws(Errno) { try socket.setNonBlocking() } catch { throw .listen(path, error) }
        listener = socket
        file = nil
        self.path = path
    }

    deinit {
        if let file, FileIdentity(path) == file { unlink(path) }
    }

    /// Connects to `path_port`, where a socket of the guest's kind must listen.
    public func connect(toPort port: UInt32, type: VsockSocketType) throws(Errno) -> FileDescriptor {
        let style: SocketPair.Style = type == .sequencedPacket ? .sequencedPacket : .stream
        return try UnixSocket.connect("\(path)_\(port)", style, isBlocking: false)
    }

    /// Lends the socket at `path`.
    public func withListener(_ body: (borrowing FileDescriptor) -> Void) { body(listener) }

    /// Takes the next program that connected to `path`.
    public func accept() throws(Errno) -> FileDescriptor {
        let number = listener.rawValue
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

/// Which file a path names.
private struct FileIdentity: Equatable {
    let device: UInt64
    let inode: UInt64

    init?(_ path: String) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return nil }
        device = UInt64(status.st_dev)
        inode = UInt64(status.st_ino)
    }
}
