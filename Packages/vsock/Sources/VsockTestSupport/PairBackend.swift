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
    private var waiting: [VsockSocketType: [Box]] = [:]
    private let streamDoorbell: EventFD
    private let packetDoorbell: EventFD

    private final class Box {
        var descriptor: FileDescriptor?
        init(_ descriptor: consuming FileDescriptor) { self.descriptor = consume descriptor }
    }

    /// Nobody wants anything yet.
    public init() throws(Errno) {
        streamDoorbell = try EventFD()
        packetDoorbell = try EventFD()
    }

    /// Connects a program of the host to the device, as to the listening socket of a type. It has to say `CONNECT`.
    public func connect(_ type: VsockSocketType = .stream) throws(Errno) -> HostProgram {
        let pair = try Self.pair(type)
        let device = try pair.first.duplicate()
        let program = try Self.program(at: pair, type)
        waiting[type, default: []].append(Box(device))
        if type == .sequencedPacket { try packetDoorbell.write() } else { try streamDoorbell.write() }
        return program
    }

    private static func pair(_ type: VsockSocketType) throws(Errno) -> SocketPair {
        try SocketPair(type == .sequencedPacket ? .sequencedPacket : .stream, isNonBlocking: true)
    }

    private static func program(
        at pair: borrowing SocketPair, _ type: VsockSocketType
    ) throws(Errno) -> HostProgram {
        let end = try pair.second.duplicate()
        return type == .sequencedPacket ? try HostProgram(packets: end) : HostProgram(end)
    }

    /// Answers a connection of the guest.
    public func connect(toPort port: UInt32, type: VsockSocketType) throws(Errno) -> FileDescriptor {
        switch answer(port) {
        case .refuse: throw .connectionRefused
        case .busy: throw .wouldBlock
        case .accept: break
        }
        let pair = try Self.pair(type)
        accepted.append((port, type, try Self.program(at: pair, type)))
        return try pair.first.duplicate()
    }

    /// Lends what is readable when a program connected.
    public func withListener(_ type: VsockSocketType, _ body: (borrowing FileDescriptor) -> Void) {
        if type == .sequencedPacket { body(packetDoorbell.descriptor) } else { body(streamDoorbell.descriptor) }
    }

    /// Takes the next program.
    public func accept(_ type: VsockSocketType) throws(Errno) -> FileDescriptor {
        guard waiting[type]?.isEmpty == false, let descriptor = waiting[type]?.removeFirst().descriptor.take() else {
            if type == .sequencedPacket { try packetDoorbell.read() } else { try streamDoorbell.read() }
            throw .wouldBlock
        }
        return descriptor
    }

    /// Forgets the programs' ends, which closes those that nobody else has.
    public func removeAccepted() { accepted.removeAll() }
}
