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
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let number = socket(AF_UNIX, type, 0)
        guard number >= 0 else { throw .last }
        let listener = FileDescriptor(owning: number)
        let path = "/proc/self/fd/\(directory.rawValue)/\(name)"
        let result = Self.withAddress(path) { address, count in bind(number, address, count) }
        guard result == 0, lchown(path, user, user) == 0, Glibc.listen(number, 4) == 0 else { throw .last }
        return listener
    }

    /// Connects to the socket.
    /// - Returns: a non-blocking stream; nil while nobody listens there.
    func connect(_ name: String, port: UInt32) throws(HypervisorError) -> FileDescriptor? {
        guard let file = try open(name) else { return nil }
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let number = socket(AF_UNIX, type, 0)
        guard number >= 0 else { throw .connection(port: port, .last) }
        let stream = FileDescriptor(owning: number)
        let result = Self.withAddress("/proc/self/fd/\(file.rawValue)") { address, count in
            Glibc.connect(number, address, count)
        }
        if result == 0 { return stream }
        let error = Errno.last
        // Not listening yet, and a full queue.
        if error == .connectionRefused || error == .wouldBlock || error == .interrupted { return nil }
        throw .connection(port: port, error)
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // Far shorter than the 108 bytes of an address.
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        return withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}

/// The exchange that begins a stream: `CONNECT port` is answered with `OK hostport`, or with the end of the stream where
/// nobody in the guest listens.
enum ConnectExchange {
    /// - Returns: the host's port; nil where nobody listens.
    static func run(
        _ stream: borrowing FileDescriptor, port: UInt32, deadline: Deadline
    ) throws(HypervisorError) -> UInt32? {
        let request = Array("CONNECT \(port)\n".utf8)
        let sent = send(stream.rawValue, request, request.count, Int32(MSG_NOSIGNAL))
        guard sent == request.count else { return nil }
        var line: [UInt8] = []
        while true {
            var polled = pollfd(fd: stream.rawValue, events: Int16(POLLIN), revents: 0)
            let ready = poll(&polled, 1, deadline.pollMilliseconds)
            if ready < 0 && Glibc.errno == EINTR { continue }
            guard ready > 0 else { throw .notListening(port: port) }
            // One at a time: what follows the line belongs to the caller.
            var byte: UInt8 = 0
            let count = Glibc.read(stream.rawValue, &byte, 1)
            if count < 0 && (Glibc.errno == EINTR || Glibc.errno == EAGAIN) { continue }
            guard count == 1 else { return nil }
            if byte == UInt8(ascii: "\n") { break }
            line.append(byte)
            guard line.count < 32 else { throw .badAnswer(port: port) }
        }
        let words = line.split(separator: UInt8(ascii: " "))
        guard words.count == 2, words[0].elementsEqual("OK".utf8),
            let hostPort = UInt32(String(decoding: words[1], as: UTF8.self))
        else { throw .badAnswer(port: port) }
        return hostPort
    }
}
