// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VMMemory
internal import VirtioQueue
internal import VirtioQueueTestSupport
internal import Vsock

/// What a fuzzed sequence came to.
public struct FuzzedVsockSequence: Sendable, Equatable {
    /// Steps played.
    public var steps = 0
    /// Connections that both ends agreed to.
    public var opened: UInt64 = 0
    /// Bytes that arrived at either end.
    public var byteCount: UInt64 = 0
    /// Connections whose both streams were compared in the end, byte count and end of file.
    public var compared = 0
}

/// Plays a sequence of what a guest, programs of the host and the passing of time can do, honest or not, at the same
/// time. Streams must arrive whole and end when they were ended, whatever others do; limits must hold, the device must
/// go on, and in the end nothing may be left; else the harness aborts.
///
/// Each step is one byte, modulo 21, and one byte of what it is done with; see `SequenceArena.step`. At most 512 are
/// played.
@discardableResult
public func fuzzVsockSequence(_ bytes: UnsafeRawBufferPointer) -> FuzzedVsockSequence {
    sequenceArena.withLock { try $0.run(FuzzInput(bytes)) }
}

private let sequenceArena = FuzzArena { try SequenceArena() }

/// What one sequence is played with. `SequenceArena+End` is how it ends and what must be true then.
final class SequenceArena {
    private static let limit = 8
    let backend: PairBackend
    let guest: GuestPeer
    var programs: [FuzzProgram] = []
    var sockets: [FuzzSocket] = []
    private var takenCount = 0
    /// Ports of the host about which packets were sent that are of no socket: what arrives there is nobody's.
    private var forgedHostPorts: Set<UInt32> = []
    /// Ports of the host from here on are used once, so both ends of a connection are known by it.
    private var nextHostPort: UInt32 = 0
    /// What the device had counted, less what those before it did.
    private var openedBefore: UInt64 = 0
    var result = FuzzedVsockSequence()

    init() throws {
        backend = try PairBackend()
        guest = try GuestPeer(
            Self.makeDevice(backend), queueSize: 16, receiveBufferByteCount: 44 + 256,
            features: [.version1, .indirectDescriptors, .eventIndex, .ringReset, .vsockSequencedPacket])
        guest.bufferByteCount = 1024
        guest.keepsPackets = false
    }

    private static func makeDevice(_ backend: PairBackend) -> VsockDevice {
        guard let cid = GuestCID(3) else { fuzzFinding("no CID") }
        var options = VsockOptions()
        options.connectionLimit = Self.limit
        options.bufferByteCount = 4096
        options.pendingResetLimit = 4
        // No time passes.
        options.requestTimeout = .seconds(3600)
        options.lineTimeout = .seconds(3600)
        options.shutdownTimeout = .seconds(3600)
        return VsockDevice(guestCID: cid, backend: backend, options: options)
    }

    /// The machine is saved, and goes on with another device.
    private func moveOn() throws {
        guest.device.pause()
        let state = guest.device.save()
        if guest.device.save() != state { fuzzFinding("saving changes the device") }
        openedBefore &-= guest.device.counters.opened
        try guest.move(to: Self.makeDevice(backend), restoring: state)
    }

    func run(_ fuzzed: FuzzInput) throws -> FuzzedVsockSequence {
        var input = fuzzed
        try begin()
        openedBefore = guest.device.counters.opened
        while !input.isAtEnd, result.steps < 512 {
            try step(input.next() % 21, &input)
            result.steps += 1
            if guest.device.connectionCount > Self.limit { fuzzFinding("more connections than the limit") }
            if guest.interrupt.didNeedReset { fuzzFinding("the device stopped") }
        }
        try settle()
        compareStreams()
        try end()
        result.opened = guest.device.counters.opened &- openedBefore
        return result
    }

    private func begin() throws {
        result = FuzzedVsockSequence()
        forgedHostPorts.removeAll()
        programs.removeAll()
        sockets.removeAll()
        backend.removeAccepted()
        backend.answer = { _ in .accept }
        takenCount = 0
        nextHostPort = 1000
        guest.refills = true
        guest.answers = true
        guest.rings = true
        guest.layout = .headerThenPayload
        guest.listening = [1, 2]
        try guest.restart()
    }

    private func step(_ operation: UInt8, _ input: inout FuzzInput) throws {
        let argument = input.next()
        let program = programs.isEmpty ? nil : programs[Int(argument & 15) % programs.count]
        let socket = sockets.isEmpty ? nil : sockets[Int(argument & 15) % sockets.count]
        let amount = 1 + 37 * Int(argument >> 4)
        switch operation {
        case 0:
            try connect(
                argument & 8 != 0 ? .sequencedPacket : .stream, port: 100 + UInt32(argument >> 4),
                reused: argument & 4 != 0 ? UInt32(argument & 3) : nil)
        case 1:
            try connect(
                argument & 8 != 0 ? .sequencedPacket : .stream, "CONNECT \(argument & 3)\n".utf8, isStranger: false)
        case 2:
            try connect(
                argument & 32 != 0 ? .sequencedPacket : .stream, input.next(count: Int(argument & 31)), isStranger: true
            )
        case 3: try forge(argument, &input)
        case 4:
            // Of packets: none at all, up to almost as much as the host's buffer.
            let count = socket?.end.type == .sequencedPacket ? (amount - 1) * 7 : amount
            if let socket, guest.answers { try socket.send(count, guest) }
        case 5:
            if let program, program.type == .sequencedPacket {
                sendMessage(amount - 1, program)
            } else {
                program?.send(amount)
            }
        case 6: if let program { receive(program, amount * 8 + 64) }
        case 7: program?.close()
        case 8: program?.endSending()
        case 9: program?.endReceiving()
        case 10: if let socket { try guest.shutDown(socket.end, VsockFlags(rawValue: UInt32(argument >> 4 & 3))) }
        case 11: if let socket { try socket.reset(guest) }
        case 12: if let socket { try read(socket, amount * 4) }
        case 13: try guest.run()
        case 14:
            guest.refills = argument & 1 == 0
            guest.rings = argument & 2 == 0
        case 15:
            guest.answers = argument & 3 != 0
            if guest.answers { try guest.catchUp() }
        case 16:
            if argument & 1 == 0 { guest.device.resetTransport() } else { try moveOn() }
            for socket in sockets { socket.isCut = true }
        case 17:
            let answers: [PairBackend.Answer] = [.accept, .refuse, .busy, .accept]
            let answer = answers[Int(argument & 3)]
            backend.answer = { _ in answer }
        case 18: guest.layout = GuestPeer.Layout.allCases[Int(argument) % GuestPeer.Layout.allCases.count]
        case 19:
            guest.notify(UInt16(argument % 4))
            if guest.refills { try guest.refill(16) }
        default:
            if argument & 4 == 0 { try guest.resetQueue(UInt16(argument % 3)) }
            if argument & 8 == 0 { try guest.restartQueue(UInt16(argument % 3), size: argument & 16 == 0 ? 16 : 8) }
        }
        adopt()
    }

    /// The guest opens, to a port of the host that is used again and again or to one of its own.
    private func connect(_ type: VsockSocketType, port: UInt32, reused: UInt32?) throws {
        guard sockets.count < 64 else { return }
        let name = GuestPeer.SocketName(port: port, hostPort: reused ?? nextHostPort)
        if reused == nil { nextHostPort += 1 }
        guard guest.sockets[name] == nil else { return }
        let socket = try guest.connect(toHostPort: name.hostPort, from: name.port, type: type)
        sockets.append(FuzzSocket(socket, salt: sockets.count))
    }

    /// The host opens.
    private func connect(_ type: VsockSocketType, _ line: some Collection<UInt8>, isStranger: Bool) throws {
        guard programs.count < 32 else { return }
        let program = FuzzProgram(try backend.connect(type), type, salt: programs.count, hostPort: nil)
        program.isStranger = isStranger
        _ = try? program.end.send(line)
        programs.append(program)
    }

    /// The host sends a message, the longest of which is larger than the guest's buffer.
    private func sendMessage(_ count: Int, _ program: FuzzProgram) {
        let isTooLong = count == 555
        program.send(isTooLong ? Int(guest.bufferByteCount) + 1 : count)
        if isTooLong { program.hasSentTooMuch = true }
    }

    /// A packet of any content, about ports that exist or may.
    private func forge(_ argument: UInt8, _ input: inout FuzzInput) throws {
        var header = guest.header(
            VsockOperation(rawValue: UInt16(argument & 15)), port: 100 + UInt32(argument >> 4),
            hostPort: UInt32(input.next() & 3))
        let kind = input.next()
        if kind & 1 != 0, let last = sockets.last {
            header.sourcePort = last.end.port
            header.destinationPort = last.end.hostPort
        }
        if kind & 2 != 0 { header.type = VsockSocketType(rawValue: UInt16(input.next() & 3)) }
        if kind & 4 != 0 { header.sourceCID = UInt64(input.next() & 3) }
        if kind & 8 != 0 { header.bufferByteCount = input.next(UInt32.self) }
        if kind & 16 != 0 { header.forwardedCount = input.next(UInt32.self) }
        if kind & 32 != 0 { header.flags = VsockFlags(rawValue: UInt32(input.next())) }
        let byteCount = Int(input.next())
        header.payloadByteCount = kind & 64 != 0 ? input.next(UInt32.self) : UInt32(byteCount)
        forgedHostPorts.insert(header.destinationPort)
        try guest.send(header, [UInt8](repeating: 0xa5, count: byteCount))
    }

    /// Programs and sockets that came to be at the other side's wish.
    private func adopt() {
        for accepted in backend.accepted.dropFirst(takenCount) {
            programs.append(
                FuzzProgram(accepted.program, accepted.type, salt: programs.count, hostPort: accepted.port))
        }
        takenCount = backend.accepted.count
        for socket in guest.incoming.dropFirst(sockets.count { $0.isIncoming }) {
            sockets.append(FuzzSocket(socket, salt: sockets.count, isIncoming: true))
        }
    }

    func receive(_ program: FuzzProgram, _ limit: Int) {
        let count = program.receive(limit)
        result.byteCount += UInt64(count)
        if !program.isRight, !program.isStranger, !isForged(program.hostPort) {
            fuzzFinding("the host read what was not sent, at its port \(program.hostPort ?? 0)")
        }
    }

    func read(_ socket: FuzzSocket, _ limit: Int) throws {
        let count = try socket.read(limit, guest)
        result.byteCount += UInt64(count)
        // A stranger's first words are anything.
        let isStrange = socket.isIncoming && programs.contains(where: \.isStranger)
        if !socket.isRight, !isStrange, !isForged(socket.end.hostPort) {
            fuzzFinding("the guest read what was not sent, at the host's port \(socket.end.hostPort)")
        }
    }

    func isForged(_ hostPort: UInt32?) -> Bool { hostPort.map { forgedHostPorts.contains($0) } ?? false }

    /// Brings new programs and sockets in while the guest runs.
    func runAll() throws {
        try guest.run()
        adopt()
    }
}
