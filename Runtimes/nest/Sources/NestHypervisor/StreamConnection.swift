// SPDX-License-Identifier: Apache-2.0
internal import CNestJail
internal import Glibc
public import VMMSysUtil

/// A stream to a port of the guest.
public struct StreamConnection: ~Copyable, Sendable {
    /// The stream, blocking.
    public var descriptor: FileDescriptor
    /// The port at this end, by which the guest knows it.
    public let hostPort: UInt32

    /// Takes a connected stream.
    public init(descriptor: consuming FileDescriptor, hostPort: UInt32) {
        self.descriptor = descriptor
        self.hostPort = hostPort
    }
}

/// The directory in which a VMM has its sockets, seen from outside.
///
/// The VMM may be hostile. It cannot replace the directory, a mount that its user cannot touch; in it, it can make anything.
/// So the name is opened without following a link, what is there must be a socket of the VMM's user, and the connection goes
/// to that very file and not to the name again.
struct SocketDirectory: ~Copyable, Sendable {
    private let directory: FileDescriptor
    private let user: UInt32

    /// Opens it through the process's root.
    /// - Parameter processID: of a child that is not reaped, so that the number is its.
    init(processID: Int32, user: UInt32) throws(Errno) {
        let number = nest_jail_open_path(AT_FDCWD, "/proc/\(processID)/root/run", 1)
        guard number >= 0 else { throw .last }
        directory = FileDescriptor(owning: number)
        self.user = user
    }

    /// Opens a socket's file for a connection.
    /// - Returns: nil where there is none yet.
    func open(_ name: String) throws(HypervisorError) -> FileDescriptor? {
        let number = nest_jail_open_path(directory.rawValue, name, 0)
        guard number >= 0 else {
            if Errno.last == .noSuchFile { return nil }
            throw .forgedSocket(name)
        }
        let file = FileDescriptor(owning: number)
        var status = stat()
        guard fstat(number, &status) == 0, status.st_mode & S_IFMT == S_IFSOCK, status.st_uid == user else {
            throw .forgedSocket(name)
        }
        return file
    }

    /// Listens at a name that does not exist; the VMM may connect.
    func listen(_ name: String) throws(Errno) -> FileDescriptor {
        let listener = try UnixSocket.make(isBlocking: false)
        let path = "/proc/self/fd/\(directory.rawValue)/\(name)"
        try UnixSocket.bind(listener, to: path)
        guard lchown(path, user, user) == 0, Glibc.listen(listener.rawValue, 4) == 0 else { throw .last }
        return listener
    }

    /// Connects to the socket.
    /// - Returns: a non-blocking stream; nil while nobody listens there.
    func connect(_ name: String, port: UInt32) throws(HypervisorError) -> FileDescriptor? {
        guard let file = try open(name) else { return nil }
        do throws(Errno) {
            return try UnixSocket.connect("/proc/self/fd/\(file.rawValue)", isBlocking: false)
        } catch {
            // Not listening yet, and a full queue.
            if error == .connectionRefused || error == .wouldBlock { return nil }
            throw .connection(port: port, error)
        }
    }
}
