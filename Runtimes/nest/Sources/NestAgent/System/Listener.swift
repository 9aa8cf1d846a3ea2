// SPDX-License-Identifier: Apache-2.0
internal import CNestAgent
internal import Glibc
internal import VMMSysUtil

/// A thread that accepts connections from the host.
enum Listener {
    /// The host's address on vsock, `VMADDR_CID_HOST`.
    private static let host: UInt32 = 2

    static func start(
        _ name: String, _ listener: consuming FileDescriptor, _ log: AgentLog,
        _ accepted: @escaping @Sendable (_ peerPort: UInt32, _ connection: Int32) -> Void
    ) throws(Errno) {
        let listener = SharedDescriptor(listener)
        _ = try Thread(name: name, stackByteCount: 128 << 10) {
            while true {
                var cid: UInt32 = 0
                var port: UInt32 = 0
                let connection = nest_accept(listener.number, &cid, &port)
                guard connection >= 0 else {
                    let error = Errno.last
                    if error != .interrupted, error != .connectionAborted {
                        log.error("\(name): cannot accept: \(error)")
                        usleep(100_000)
                    }
                    continue
                }
                // Processes of containers are on the machine's own address, or would be if they had vsock.
                guard cid == host else {
                    close(connection)
                    log.warn("\(name): a connection from \(cid) refused")
                    continue
                }
                accepted(port, connection)
            }
        }
    }
}

/// Sends the log to who connects: what is kept, and then each line as it comes.
enum LogPort {
    static func serve(_ log: AgentLog, _ connection: SharedDescriptor) {
        _ = try? Thread(name: "log-reader", stackByteCount: 128 << 10) {
            var number = 0
            while true {
                let (lines, next) = log.next(from: number)
                number = next
                guard (try? Files.writeAll(connection.descriptor, lines.flatMap { $0 })) != nil else { return }
            }
        }
    }
}
