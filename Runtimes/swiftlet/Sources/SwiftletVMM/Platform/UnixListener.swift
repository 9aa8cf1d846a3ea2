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
        descriptor = try UnixSocket.listen(path, backlog: 16, isBlocking: false)
        self.path = path
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
