// SPDX-License-Identifier: Apache-2.0
internal import CNestAgent
internal import Glibc
internal import VMMSysUtil

/// The socket to which crun sends the master of the terminal it makes.
struct ConsoleSocket: ~Copyable {
    let path: String
    private let listener: FileDescriptor

    init(path: String) throws(AgentError) {
        self.path = path
        listener = try Self.listen(path)
    }

    deinit { unlink(path) }

    /// A listening Unix socket; what was there goes.
    static func listen(_ path: String) throws(AgentError) -> FileDescriptor {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let listener = FileDescriptor(owning: try system("make", "a socket") { socket(AF_UNIX, kind, 0) })
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { place in
            let bytes = Array(path.utf8)
            guard bytes.count < place.count else { return false }
            place.copyBytes(from: bytes)
            return true
        }
        guard fits else { throw .system(operation: "bind", subject: path, .nameTooLong) }
        unlink(path)
        let number = listener.rawValue
        let length = socklen_t(MemoryLayout<sockaddr_un>.size)
        try system("bind", path) {
            withUnsafePointer(to: &address) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(number, $0, length) }
            }
        }
        try system("listen on", path) { Glibc.listen(number, 64) }
        return listener
    }

    /// Takes the terminal, which crun has sent before it ended.
    func terminal() throws(AgentError) -> SharedDescriptor {
        try wait(listener.rawValue)
        let number = listener.rawValue
        var cid: UInt32 = 0
        var port: UInt32 = 0
        let accepted = FileDescriptor(owning: try system("accept on", path) { nest_accept(number, &cid, &port) })
        try wait(accepted.rawValue)
        let connection = accepted.rawValue
        let terminal = try system("receive the terminal of", path) { nest_receive_descriptor(connection) }
        return SharedDescriptor(FileDescriptor(owning: terminal))
    }

    private func wait(_ number: Int32) throws(AgentError) {
        var polled = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        let count = try system("wait for the terminal of", path) { poll(&polled, 1, 5000) }
        guard count > 0 else { throw .timedOut("crun did not send the terminal") }
    }
}
