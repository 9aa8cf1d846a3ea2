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

extension Listener {
    /// Connects to a port of the host for a moment: somebody there waits until the machine answers, or nobody does.
    static func announce(port: UInt32) {
        let family: UInt16 = 40
        let number = socket(Int32(family), Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard number >= 0 else { return }
        defer { close(number) }
        // struct sockaddr_vm of linux/vm_sockets.h: family, reserved, port, CID, flags and zeros.
        var address: (UInt16, UInt16, UInt32, UInt32, UInt32) = (family, 0, port, host, 0)
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { _ = connect(number, $0, 16) }
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
