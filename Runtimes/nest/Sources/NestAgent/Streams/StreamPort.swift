// SPDX-License-Identifier: Apache-2.0
internal import CNestAgent
internal import Glibc
internal import VMMSysUtil

/// An open descriptor that several threads use.
final class SharedDescriptor: Sendable {
    let descriptor: FileDescriptor

    init(_ descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    var number: Int32 { descriptor.rawValue }

    /// Says that nothing more is sent; the peer sees the end of the stream after the last byte.
    func endSending() { shutdown(number, Int32(SHUT_WR)) }

    /// Ends both directions and wakes who waits in either.
    func end() { shutdown(number, Int32(SHUT_RDWR)) }
}

/// The connections that the host has made for standard streams and no process has taken yet.
final class StreamPort: Sendable {
    /// Over this the oldest is closed; each container and exec takes up to three.
    static let maximumCount = 256
    /// For how long a connection is kept, and a call waits for one.
    static let patience: Duration = .seconds(10)

    private struct Waiting {
        let port: UInt32
        let connection: SharedDescriptor
        let deadline: Deadline
    }

    private let waiting = Monitor<[Waiting]>([])

    /// A connection has come.
    func add(port: UInt32, _ connection: SharedDescriptor) {
        waiting.update { waiting in
            waiting.removeAll { $0.deadline.hasPassed || $0.port == port }
            if waiting.count >= Self.maximumCount { waiting.removeFirst() }
            waiting.append(Waiting(port: port, connection: connection, deadline: Deadline(after: Self.patience)))
        }
    }

    /// Takes the connection from a port of the host's; waits for it, as it may arrive after the call that names it.
    func take(_ port: UInt32) throws(AgentError) -> SharedDescriptor {
        let found = waiting.wait(until: Deadline(after: Self.patience)) { waiting -> SharedDescriptor? in
            guard let index = waiting.firstIndex(where: { $0.port == port }) else { return nil }
            return waiting.remove(at: index).connection
        }
        guard let found else { throw .timedOut("no connection from port \(port) came for a standard stream") }
        return found
    }
}
