// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil
public import Vsock

/// The host's end without a file system: each connection of the guest is one end of a socket pair, whose other end the
/// test gets.
public final class PairBackend: VsockBackend {
    /// What becomes of a connection that the guest asks for; called with the port.
    public enum Answer: Equatable, Sendable {
        /// A program is there.
        case accept
        /// None is.
        case refuse
        /// Its backlog is full.
        case busy
    }

    /// How the guest's connections are answered.
    public var answer: (_ port: UInt32) -> Answer = { _ in .accept }
    /// The programs' ends of the guest's connections, as they came.
    public private(set) var accepted: [(port: UInt32, type: VsockSocketType, program: HostProgram)] = []
    private var waiting: [Box] = []
    private let doorbell: EventFD

    private final class Box {
        var descriptor: FileDescriptor?
        init(_ descriptor: consuming FileDescriptor) { self.descriptor = consume descriptor }
    }

    /// Nobody wants anything yet.
    public init() throws(Errno) { doorbell = try EventFD() }

    /// Connects a program of the host to the device, as to the listening socket. It has to say `CONNECT`.
    public func connect() throws(Errno) -> HostProgram {
        let pair = try SocketPair(isNonBlocking: true)
        let device = try pair.first.duplicate()
        let program = try pair.second.duplicate()
        waiting.append(Box(device))
        try doorbell.write()
        return HostProgram(program)
    }

    /// Answers a connection of the guest.
    public func connect(toPort port: UInt32, type: VsockSocketType) throws(Errno) -> FileDescriptor {
        switch answer(port) {
        case .refuse: throw .connectionRefused
        case .busy: throw .wouldBlock
        case .accept: break
        }
        let pair = try SocketPair(type == .sequencedPacket ? .sequencedPacket : .stream, isNonBlocking: true)
        let device = try pair.first.duplicate()
        let program = try pair.second.duplicate()
        accepted.append(
            (port, type, type == .sequencedPacket ? try HostProgram(packets: program) : HostProgram(program)))
        return device
    }

    /// Lends what is readable when a program connected.
    public func withListener(_ body: (borrowing FileDescriptor) -> Void) { body(doorbell.descriptor) }

    /// Takes the next program.
    public func accept() throws(Errno) -> FileDescriptor {
        guard !waiting.isEmpty, let descriptor = waiting.removeFirst().descriptor.take() else {
            try doorbell.read()
            throw .wouldBlock
        }
        return descriptor
    }

    /// Forgets the programs' ends, which closes those that nobody else has.
    public func removeAccepted() { accepted.removeAll() }
}
