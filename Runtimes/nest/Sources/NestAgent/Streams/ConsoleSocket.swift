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
        unlink(path)
        do throws(Errno) { return try UnixSocket.listen(path) } catch {
            throw .system(operation: "listen on", subject: path, error)
        }
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
