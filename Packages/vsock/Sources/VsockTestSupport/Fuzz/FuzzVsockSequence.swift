// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
internal import VMMemory
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
}

/// Plays a sequence of what a guest, programs of the host and the passing of time can do, honest or not, at the same
/// time. Streams must arrive as they were sent, limits must hold, the device must go on, and in the end nothing may be
/// left; else the harness aborts.
///
/// Each step is one byte, modulo 20, and one byte of what it is done with; see `SequenceArena.step`. At most 512 are
/// played.
@discardableResult
public func fuzzVsockSequence(_ bytes: UnsafeRawBufferPointer) -> FuzzedVsockSequence {
    sequenceArena.withLock { try $0.run(FuzzInput(bytes)) }
}

private let sequenceArena = FuzzArena { try SequenceArena() }

private final class SequenceArena {
    private static let limit = 8
    private let backend: PairBackend
    private let guest: GuestPeer
    private var programs: [FuzzProgram] = []
    private var takenCount = 0
    private var sockets: [FuzzSocket] = []
    /// Packets were sent that are not of the sockets, so what arrives is nobody's.
    private var isDirty = false
    private var result = FuzzedVsockSequence()

    init() throws {
        backend = try PairBackend()
        guard let cid = GuestCID(3) else { fuzzFinding("no CID") }
        var options = VsockOptions()
        options.connectionLimit = Self.limit
        options.bufferByteCount = 4096
        options.pendingResetLimit = 4
        guest = try GuestPeer(
            VsockDevice(guestCID: cid, backend: backend, options: options), queueSize: 16,
            receiveBufferByteCount: 44 + 256)
        guest.bufferByteCount = 1024
    }

    func run(_ fuzzed: FuzzInput) throws -> FuzzedVsockSequence {
        var input = fuzzed
        try begin()
        let opened = guest.device.counters.opened
        while !input.isAtEnd, result.steps < 512 {
            try step(input.next() % 20, &input)
            result.steps += 1
            if guest.device.connectionCount > Self.limit { fuzzFinding("more connections than the limit") }
            if guest.interrupt.didNeedReset { fuzzFinding("the device stopped") }
        }
        try end()
        result.opened = guest.device.counters.opened - opened
        return result
    }

    private func begin() throws {
        result = FuzzedVsockSequence()
        isDirty = false
        programs.removeAll()
        sockets.removeAll()
        backend.removeAccepted()
        backend.answer = { _ in .accept }
        takenCount = 0
        guest.refills = true
        guest.answers = true
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
            let name = GuestPeer.SocketName(port: 100 + UInt32(argument >> 4), hostPort: UInt32(argument & 3))
            if guest.sockets[name] == nil {
                sockets.append(FuzzSocket(try guest.connect(toHostPort: name.hostPort, from: name.port)))
            }
        case 1:
            guard programs.count < 32 else { break }
            let program = FuzzProgram(try backend.connect(), awaitsAnswer: true)
            _ = try? program.end.send("CONNECT \(argument & 3)\n")
            programs.append(program)
        case 2:
            guard programs.count < 32 else { break }
            let program = FuzzProgram(try backend.connect(), awaitsAnswer: true)
            program.isStranger = true
            _ = try? program.end.send(input.next(count: Int(argument & 31)))
            programs.append(program)
        case 3: try raw(argument, &input)
        case 4: if let socket, guest.answers { try socket.send(amount, guest) }
        case 5: program?.send(amount)
        case 6: if let program { try receive(program, amount * 8 + 64) }
        case 7: program?.end.close()
        case 8: program?.end.endSending()
        case 9: program?.end.endReceiving()
        case 10: if let socket { try guest.shutDown(socket.end, VsockFlags(rawValue: UInt32(argument >> 4 & 3))) }
        case 11: if let socket { try guest.reset(socket.end) }
        case 12: if let socket { try read(socket, amount * 4) }
        case 13: try guest.run()
        case 14: guest.refills = argument & 1 == 0
        case 15: guest.answers = argument & 3 != 0
        case 16: guest.device.resetTransport()
        case 17:
            let answers: [PairBackend.Answer] = [.accept, .refuse, .busy, .accept]
            let answer = answers[Int(argument & 3)]
            backend.answer = { _ in answer }
        case 18: guest.layout = GuestPeer.Layout.allCases[Int(argument) % GuestPeer.Layout.allCases.count]
        default:
            guest.notify(UInt16(argument % 4))
            if guest.refills { try guest.refill(16) }
        }
        adopt()
    }

    /// A packet of any content, about ports that exist or may.
    private func raw(_ argument: UInt8, _ input: inout FuzzInput) throws {
        isDirty = true
        var header = guest.header(
            VsockOperation(rawValue: UInt16(argument & 15)), port: 100 + UInt32(argument >> 4),
            hostPort: UInt32(input.next() & 3))
        let kind = input.next()
        if kind & 1 != 0 { header.hostPort(of: sockets) }
        if kind & 2 != 0 { header.type = VsockSocketType(rawValue: UInt16(input.next() & 3)) }
        if kind & 4 != 0 { header.sourceCID = UInt64(input.next() & 3) }
        if kind & 8 != 0 { header.bufferByteCount = input.next(UInt32.self) }
        if kind & 16 != 0 { header.forwardedCount = input.next(UInt32.self) }
        if kind & 32 != 0 { header.flags = VsockFlags(rawValue: UInt32(input.next())) }
        let byteCount = Int(input.next())
        header.payloadByteCount = kind & 64 != 0 ? input.next(UInt32.self) : UInt32(byteCount)
        try guest.send(header, [UInt8](repeating: 0xa5, count: byteCount))
    }

    /// Programs and sockets that came to be at the other side's wish.
    private func adopt() {
        for accepted in backend.accepted.dropFirst(takenCount) {
            programs.append(FuzzProgram(accepted.program, awaitsAnswer: false))
        }
        takenCount = backend.accepted.count
        for socket in guest.incoming where !sockets.contains(where: { $0.end === socket }) {
            sockets.append(FuzzSocket(socket))
        }
    }

    private func receive(_ program: FuzzProgram, _ limit: Int) throws {
        guard let bytes = try? program.end.receive(limit) else { return }
        result.byteCount += UInt64(bytes.count)
        if !program.check(bytes), !isDirty, !program.isStranger { fuzzFinding("the host read what was not sent") }
    }

    private func read(_ socket: FuzzSocket, _ limit: Int) throws {
        let bytes = try guest.read(socket.end, limit)
        result.byteCount += UInt64(bytes.count)
        if !socket.check(bytes), !isDirty, !programs.contains(where: \.isStranger) {
            fuzzFinding("the guest read what was not sent")
        }
    }

    /// All programs go, the guest resets its device: nothing may be left then.
    private func end() throws {
        guest.refills = true
        guest.answers = true
        try guest.refill(16)
        guest.notify(0)
        try guest.run()
        for program in programs { try receive(program, 1 << 16) }
        for program in programs { program.end.close() }
        backend.removeAccepted()
        programs.removeAll()
        guest.device.reset()
        try guest.run()
        if guest.device.connectionCount != 0 { fuzzFinding("\(guest.device.connectionCount) connections are left") }
        if guest.loop.watchCount != 0 { fuzzFinding("\(guest.loop.watchCount) descriptors are still watched") }
    }
}

extension VsockHeader {
    /// Makes it one of a connection that exists, if there is one.
    fileprivate mutating func hostPort(of sockets: [FuzzSocket]) {
        guard let last = sockets.last else { return }
        sourcePort = last.end.port
        destinationPort = last.end.hostPort
    }
}

/// A program that sends and expects the numbers from 0 on.
private final class FuzzProgram {
    let end: HostProgram
    var isStranger = false
    private var awaitsAnswer: Bool
    private var sent = 0
    private var received = 0

    init(_ end: HostProgram, awaitsAnswer: Bool) {
        self.end = end
        self.awaitsAnswer = awaitsAnswer
    }

    func send(_ count: Int) {
        sent += (try? end.send((sent..<(sent + count)).map { UInt8(truncatingIfNeeded: $0) })) ?? 0
    }

    func check(_ bytes: [UInt8]) -> Bool {
        var bytes = bytes[...]
        if awaitsAnswer, !bytes.isEmpty {
            awaitsAnswer = false
            guard bytes.starts(with: "OK ".utf8), let newline = bytes.firstIndex(of: 0x0a) else { return false }
            bytes = bytes[(newline + 1)...]
        }
        defer { received += bytes.count }
        return bytes.elementsEqual((received..<(received + bytes.count)).map { UInt8(truncatingIfNeeded: $0) })
    }
}

/// A socket that sends and expects the numbers from 0 on.
private final class FuzzSocket {
    let end: GuestSocket
    private var sent = 0
    private var received = 0

    init(_ end: GuestSocket) { self.end = end }

    func send(_ count: Int, _ guest: GuestPeer) throws {
        guard !end.ownShutdown.contains(.noMoreSending) else { return }
        sent += try guest.send((sent..<(sent + count)).map { UInt8(truncatingIfNeeded: $0) }, on: end)
    }

    func check(_ bytes: [UInt8]) -> Bool {
        defer { received += bytes.count }
        return bytes.elementsEqual((received..<(received + bytes.count)).map { UInt8(truncatingIfNeeded: $0) })
    }
}
