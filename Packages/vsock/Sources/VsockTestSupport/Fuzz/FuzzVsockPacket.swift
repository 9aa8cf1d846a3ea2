// SPDX-License-Identifier: Apache-2.0
public import Vsock
internal import VMMemory
internal import VMMSysUtil
internal import VirtioQueueTestSupport

/// What became of a fuzzed packet.
public struct FuzzedVsockPacket: Sendable, Equatable {
    /// What reached the program of the host that was connected already.
    public var deliveredByteCount = 0
    /// The operations that the guest got in answer.
    public var answers: [VsockOperation] = []
    /// Whether the chain held no packet.
    public var isMalformed = false
}

/// Gives the device one chain of any bytes, while one connection (guest port 1000, host port 52) exists, of streams or of
/// packets. The chain must come back exactly once and empty, what is delivered must be the payload, and the device must go
/// on; else the harness aborts.
///
/// The input, little-endian, what is missing being zero:
/// ```
///  0  u8   1 in an indirect table, 2 payload as long as the header says (modulo 64 KiB), whatever follows, 4 packets
///  1  u8   number of cuts, modulo 8
///  2       for each cut: u8, where the bytes are cut
///          the header, 44 bytes, and the payload
/// ```
@discardableResult
public func fuzzVsockPacket(_ bytes: UnsafeRawBufferPointer) -> FuzzedVsockPacket {
    packetArena.withLock { try $0.run(FuzzInput(bytes), byteCount: bytes.count) }
}

private let packetArena = FuzzArena { try PacketArena() }

private final class PacketArena {
    private let backend: PairBackend
    private let guest: GuestPeer

    init() throws {
        backend = try PairBackend()
        guard let cid = GuestCID(3) else { fuzzFinding("no CID") }
        let device = VsockDevice(guestCID: cid, backend: backend)
        guest = try GuestPeer(device, queueSize: 16)
    }

    func run(_ fuzzed: FuzzInput, byteCount: Int) throws -> FuzzedVsockPacket {
        var input = fuzzed
        let flags = input.next()
        let type: VsockSocketType = flags & 4 != 0 ? .sequencedPacket : .stream
        try guest.restart()
        backend.removeAccepted()
        let socket = try guest.connect(toHostPort: 52, from: 1000, type: type)
        try guest.run()
        guard socket.phase == .established, let program = backend.accepted.first?.program else {
            fuzzFinding("no connection")
        }
        guest.packets.removeAll()
        let before = guest.device.counters

        let (packet, buffers, isIndirect) = try chain(flags, &input, byteCount)
        guest.answers = false
        defer { guest.answers = true }
        while try guest.transmitQueue.takeBack() != nil {}
        let head = try guest.transmitQueue.send(chain: buffers, isIndirect: isIndirect)
        guest.notify(1)
        if let head {
            guard let used = try guest.transmitQueue.takeBack(), used.head == UInt32(head), used.written == 0 else {
                fuzzFinding("the chain is lost, or said to be written")
            }
            if try guest.transmitQueue.takeBack() != nil { fuzzFinding("the chain came back twice") }
        }
        try guest.run()
        if guest.interrupt.didNeedReset { fuzzFinding("one packet stopped the device") }

        var result = FuzzedVsockPacket()
        result.isMalformed = guest.device.counters.malformed != before.malformed
        result.answers = guest.packets.map(\.header.operation)
        let received: [UInt8]?
        if type == .stream {
            received = try program.receive()
        } else if case .message(let message) = program.receiveMessage() {
            received = message
        } else {
            received = nil
        }
        result.deliveredByteCount = received?.count ?? 0
        check(received, of: packet, type)
        // The device goes on: somebody else gets through.
        guest.answers = true
        let other = try guest.connect(toHostPort: 53, from: 2000)
        try guest.run()
        let isTaken = packet.starts(with: other.header(in: guest).bytes.prefix(24))
        if other.phase != .established, !isTaken { fuzzFinding("nobody gets through any more") }
        return result
    }

    /// What must arrive, worked out apart from the device: the payload of an RW packet that is addressed right, and of
    /// packets one that is a message, which may be empty.
    private func check(_ received: [UInt8]?, of packet: [UInt8], _ type: VsockSocketType) {
        func field(_ offset: Int, _ count: Int) -> UInt64 {
            packet[offset..<(offset + count)].reversed().reduce(0) { $0 << 8 | UInt64($1) }
        }
        var expected: ArraySlice<UInt8>? = type == .stream && received != nil ? [] : nil
        if packet.count >= 44, field(0, 8) == 3, field(8, 8) == 2, field(16, 4) == 1000, field(20, 4) == 52,
            field(28, 2) == UInt64(type.rawValue), field(30, 2) == 5
        {
            let length = Int(field(24, 4))
            let isWhole = type == .stream ? length > 0 : packet[32] & 1 != 0
            if isWhole, length <= packet.count - 44, length <= 128 << 10 { expected = packet[44..<(44 + length)] }
        }
        if received != expected.map(Array.init) {
            fuzzFinding("\(received?.count ?? -1) bytes arrived where \(expected?.count ?? -1) were sent")
        }
    }

    private func chain(
        _ flags: UInt8, _ input: inout FuzzInput, _ byteCount: Int
    ) throws -> (packet: [UInt8], buffers: [DriverQueue.Buffer], isIndirect: Bool) {
        let cuts = (0..<Int(input.next() % 8)).map { _ in Int(input.next()) }
        var packet: [UInt8] = []
        while !input.isAtEnd { packet.append(input.next()) }
        if flags & 2 != 0, packet.count >= 44 {
            let length = Int(packet[24]) | Int(packet[25]) << 8
            packet.append(contentsOf: [UInt8](repeating: 0x5a, count: max(0, 44 + length - packet.count)))
        }
        var buffers: [DriverQueue.Buffer] = []
        var start = 0
        for cut in cuts.sorted() + [packet.count] where cut <= packet.count && cut >= start {
            buffers.append(try guest.transmitQueue.buffer(of: Array(packet[start..<cut])))
            start = cut
        }
        return (packet, buffers, flags & 1 != 0)
    }
}

extension GuestSocket {
    /// Source and destination, as any packet of the socket has them.
    fileprivate func header(in guest: GuestPeer) -> VsockHeader {
        guest.header(.request, port: port, hostPort: hostPort)
    }
}
