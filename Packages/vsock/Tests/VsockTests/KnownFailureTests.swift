// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport
import Vsock
import VsockTestSupport

/// What went wrong in other socket devices and is not held by a test of the part that it is about.
/// DESIGN.md has the list of all.
@Suite(.bothRings) struct KnownFailureTests {
    /// Where no memory is.
    static let nowhere = GuestAddress(0xf_0000_0000)

    struct Shape: Sendable, CustomStringConvertible {
        let description: String
        /// Buffers of a chain that is none of its queue's.
        let make: @Sendable (any RingDriver) throws -> [DriverQueue.Buffer]
    }

    static let fromGuest: [Shape] = [
        Shape(description: "for the device to write") { [$0.buffer(room: 64)] },
        Shape(description: "43 bytes") { [try $0.buffer(of: [UInt8](repeating: 1, count: 43))] },
        Shape(description: "no bytes") { [DriverQueue.Buffer($0.heap, 0, isWritable: false)] },
        Shape(description: "a header outside of memory") { _ in [.init(nowhere, 44, isWritable: false)] },
        Shape(description: "a payload outside of memory") {
            [try $0.buffer(of: header(.data, 8).bytes), .init(nowhere, 8, isWritable: false)]
        },
        Shape(description: "a payload for the device to write") {
            [try $0.buffer(of: header(.data, 8).bytes), $0.buffer(room: 8)]
        },
        Shape(description: "a payload that is not there") { [try $0.buffer(of: header(.data, 8).bytes)] },
        Shape(description: "a payload that is too short") {
            [try $0.buffer(of: header(.data, 8).bytes), try $0.buffer(of: [1, 2, 3, 4, 5, 6, 7])]
        },
        Shape(description: "readable behind writable") {
            [$0.buffer(room: 44), try $0.buffer(of: header(.data, 0).bytes)]
        },
    ]

    static let toGuest: [Shape] = [
        Shape(description: "for the device to read") { [try $0.buffer(of: [UInt8](repeating: 0, count: 64))] },
        Shape(description: "43 bytes") { [$0.buffer(room: 43)] },
        Shape(description: "no bytes") { [DriverQueue.Buffer($0.heap, 0, isWritable: true)] },
        Shape(description: "outside of memory") { _ in [.init(nowhere, 4096, isWritable: true)] },
        Shape(description: "half outside of memory") { [$0.buffer(room: 44), .init(nowhere, 4096, isWritable: true)] },
    ]

    static let events: [Shape] = [
        Shape(description: "for the device to read") { [try $0.buffer(of: [1, 2, 3, 4])] },
        Shape(description: "3 bytes") { [$0.buffer(room: 3)] },
        Shape(description: "outside of memory") { _ in [.init(nowhere, 8, isWritable: true)] },
    ]

    static func header(_ operation: VsockOperation, _ byteCount: UInt32 = 0) -> VsockHeader {
        VsockHeader(
            sourceCID: 3, destinationCID: GuestCID.host, sourcePort: 9, destinationPort: 52, operation: operation,
            payloadByteCount: byteCount, bufferByteCount: 4096)
    }

    /// Somebody new gets through.
    private func probe(_ rig: Rig) throws {
        rig.guest.answers = true
        let socket = try rig.guest.connect(toHostPort: 999)
        #expect(try rig.guest.run { socket.phase == .established })
        try rig.guest.send([1, 2], on: socket)
        #expect(try rig.backend.accepted.last?.program.receive() == [1, 2])
        #expect(!rig.guest.interrupt.didNeedReset)
    }

    @Test(
        "malformed chains from the guest come back, however many: none stays attached (CVE-2022-26354)",
        arguments: fromGuest)
    func transmit(shape: Shape) throws {
        let rig = try Rig()
        let queue = rig.guest.transmitQueue
        let start = queue.heap
        for _ in 0..<300 {
            queue.resetHeap(to: start)
            let head = try queue.send(chain: try shape.make(queue))
            rig.guest.notify(1)
            #expect(try queue.takeBack() == head.map { DriverQueue.Used(head: UInt32($0), written: 0) })
        }
        try probe(rig)
    }

    @Test(
        "malformed buffers for packets come back with nothing in them, and the packet goes into the next good one",
        arguments: toGuest)
    func receive(shape: Shape) throws {
        let rig = try Rig()
        rig.guest.refills = false
        try rig.guest.restart()
        let queue = rig.guest.receiveQueue
        try rig.guest.send(rig.guest.header(.data, port: 1, hostPort: 2))
        for _ in 0..<100 {
            let head = try queue.send(chain: try shape.make(queue))
            rig.guest.notify(0)
            #expect(try queue.takeBack() == head.map { DriverQueue.Used(head: UInt32($0), written: 0) })
        }
        try rig.guest.refill(32)
        rig.guest.refills = true
        rig.guest.answers = false
        rig.guest.notify(0)
        try rig.guest.run()
        #expect(rig.guest.packets.map(\.header.operation) == [.reset])
        try probe(rig)
    }

    @Test("malformed buffers for events come back, and the event goes into the next good one", arguments: events)
    func event(shape: Shape) throws {
        let rig = try Rig()
        try rig.guest.restart()
        let queue = rig.guest.eventQueue
        // Those that the guest had offered first.
        rig.guest.answers = false
        for _ in 0..<8 {
            rig.device.resetTransport()
            try rig.guest.run()
        }
        #expect(rig.guest.events.count == 8)
        rig.device.resetTransport()
        for _ in 0..<100 {
            let head = try queue.send(chain: try shape.make(queue))
            rig.guest.notify(2)
            #expect(try queue.takeBack() == head.map { DriverQueue.Used(head: UInt32($0), written: 0) })
        }
        rig.guest.answers = true
        try rig.guest.catchUp()
        try rig.guest.run()
        #expect(rig.guest.events.count == 9)
        try probe(rig)
    }

    @Test("what comes back as used is what was written, and not a byte behind it is touched (CVE-2024-8612)")
    func exactLength() throws {
        let rig = try Rig()
        rig.guest.refills = false
        try rig.guest.restart()
        let queue = rig.guest.receiveQueue
        let buffer = try queue.buffer(of: [UInt8](repeating: 0xee, count: 256))
        let room = DriverQueue.Buffer(buffer.address, buffer.byteCount, isWritable: true)
        rig.guest.answers = false
        _ = try rig.guest.connect(toHostPort: 52, from: 9)
        try rig.backend.accepted.first?.program.send("hello")
        for written in [44, 49] as [UInt32] {
            try queue.memory.fill(0xee, at: room.address, byteCount: 256)
            try queue.send(chain: [room])
            rig.guest.notify(0)
            rig.guest.loop.runOnce()
            #expect(try queue.takeBack()?.written == written)
            let bytes = try queue.bytes(of: room)
            #expect(bytes.dropFirst(Int(written)).allSatisfy { $0 == 0xee })
        }
    }

    /// A field of the header and how it is set.
    struct Field: Sendable, CustomStringConvertible {
        let description: String
        let set: @Sendable (inout VsockHeader, UInt64) -> Void
    }

    static let fields: [Field] = [
        Field(description: "src_cid") { $0.sourceCID = $1 },
        Field(description: "dst_cid") { $0.destinationCID = $1 },
        Field(description: "src_port") { $0.sourcePort = UInt32(truncatingIfNeeded: $1) },
        Field(description: "dst_port") { $0.destinationPort = UInt32(truncatingIfNeeded: $1) },
        Field(description: "len") { $0.payloadByteCount = UInt32(truncatingIfNeeded: $1) },
        Field(description: "type") { $0.type = VsockSocketType(rawValue: UInt16(truncatingIfNeeded: $1)) },
        Field(description: "op") { $0.operation = VsockOperation(rawValue: UInt16(truncatingIfNeeded: $1)) },
        Field(description: "flags") { $0.flags = VsockFlags(rawValue: UInt32(truncatingIfNeeded: $1)) },
        Field(description: "buf_alloc") { $0.bufferByteCount = UInt32(truncatingIfNeeded: $1) },
        Field(description: "fwd_cnt") { $0.forwardedCount = UInt32(truncatingIfNeeded: $1) },
    ]
    static let boundaries: [UInt64] = [
        0, 1, 2, 3, 4, 7, 8, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x7fff_ffff, 0x8000_0000, 0xffff_fffe, 0xffff_ffff,
        1 << 32, 1 << 32 | 2, 1 << 32 | 3, 1 << 63, .max,
    ]

    @Test(
        "every header field at its boundaries, in and out of a connection, after reset and restore: the device goes on",
        arguments: fields)
    func sweep(field: Field) throws {
        let rig = try Rig(queueSize: 256)
        rig.guest.answers = false
        rig.guest.keepsPackets = false
        for round in 0..<3 {
            for operation in 0..<9 as Range<UInt16> {
                for value in Self.boundaries {
                    for isOpen in [false, true] {
                        if isOpen { try rig.guest.send(Self.header(.request)) }
                        var header = Self.header(VsockOperation(rawValue: operation), 4)
                        field.set(&header, value)
                        try rig.guest.send(header, [1, 2, 3, 4])
                        try rig.guest.send(Self.header(.reset))
                        try rig.guest.run()
                    }
                }
            }
            rig.backend.removeAccepted()
            try rig.guest.run()
            rig.guest.forgetUnanswered()
            try probe(rig)
            rig.guest.answers = false
            if round == 0 { try rig.guest.restart() }
            if round == 1 {
                rig.guest.device.pause()
                let state = rig.guest.device.save()
                try rig.guest.move(
                    to: VsockDevice(guestCID: rig.device.guestCID, backend: rig.backend), restoring: state)
                rig.guest.answers = true
                try rig.guest.run()
                rig.guest.answers = false
            }
        }
    }
}
