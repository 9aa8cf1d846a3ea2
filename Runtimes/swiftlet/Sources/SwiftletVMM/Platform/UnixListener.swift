// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// A Unix socket by name that clients connect to. Its file goes with it.
struct UnixListener: ~Copyable, Sendable {
    let descriptor: FileDescriptor
    private let path: String

    /// Makes the socket, for its owner alone.
    /// - Parameter path: must not exist; 1 to 107 bytes.
    init(path: String) throws(Errno) {
        descriptor = try Self.listening(at: path)
        self.path = path
    }

    private static func listening(at path: String) throws(Errno) -> FileDescriptor {
        var address = sockaddr_un()
        let bytes = path.utf8
        let isFitting = withUnsafeMutableBytes(of: &address.sun_path) { room in
            guard !bytes.isEmpty, bytes.count < room.count, !bytes.contains(0) else { return false }
            room.copyBytes(from: bytes)
            return true
        }
        guard isFitting else { throw .nameTooLong }
        address.sun_family = sa_family_t(AF_UNIX)
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let socket = FileDescriptor(owning: try retryOnInterrupt { Glibc.socket(AF_UNIX, type, 0) })
        let number = socket.rawValue
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        try retryOnInterrupt {
            withUnsafePointer(to: address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, size) }
            }
        }
        try retryOnInterrupt { listen(number, 16) }
        return socket
    }

    deinit { unlink(path) }

    /// Takes the next client; its socket blocks nobody.
    func accept() throws(Errno) -> FileDescriptor {
        let number = descriptor.rawValue
        let client = FileDescriptor(owning: try retryOnInterrupt { Glibc.accept(number, nil, nil) })
        try client.setNonBlocking()
        try client.setCloseOnExec(true)
        return client
    }
}

extension FileDescriptor {
    /// Sends on a socket; a client that is gone is an error and no signal.
    borrowing func send(_ bytes: ArraySlice<UInt8>) throws(Errno) -> Int {
        let number = rawValue
        return try retryOnInterrupt {
            bytes.withUnsafeBytes { Glibc.send(number, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL)) }
        }
    }

    /// Ends the own half of a connection.
    borrowing func endSending() { shutdown(rawValue, Int32(SHUT_WR)) }
}
