// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// Unix stream sockets that live at a path.
enum UnixSocket {
    /// Listens at a path, which must not exist; only the owner may connect.
    /// - Throws: `.addressInUse` where there is a file, whoever owns it.
    static func listen(_ path: String) throws(Errno) -> FileDescriptor {
        let socket = try make()
        // A socket's own mode is its file's. The umask is the whole process's: two threads that set it may leave it so.
        guard fchmod(socket.rawValue, 0o600) == 0 else { throw .last }
        try withAddress(path) { address, count throws(Errno) in
            guard Glibc.bind(socket.rawValue, address, count) == 0 else { throw .last }
        }
        guard Glibc.listen(socket.rawValue, 128) == 0 else { throw .last }
        return socket
    }

    /// Connects to who listens at a path.
    static func connect(_ path: String) throws(Errno) -> FileDescriptor {
        let socket = try make()
        try withAddress(path) { address, count throws(Errno) in
            _ = try retryOnInterrupt { Glibc.connect(socket.rawValue, address, count) }
        }
        return socket
    }

    private static func make() throws(Errno) -> FileDescriptor {
        let number = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { throw .last }
        return FileDescriptor(owning: number)
    }

    private static func withAddress(
        _ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) throws(Errno) -> Void
    ) throws(Errno) {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(path.utf8)
        // One byte stays for the NUL.
        guard !bytes.isEmpty, bytes.count < MemoryLayout.size(ofValue: address.sun_path), !bytes.contains(0) else {
            throw .nameTooLong
        }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let count = socklen_t(MemoryLayout<sockaddr_un>.size)
        var failure: Errno?
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                do throws(Errno) { try body(pointer, count) } catch { failure = error }
            }
        }
        if let failure { throw failure }
    }
}
