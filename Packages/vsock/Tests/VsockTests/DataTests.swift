// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory
import VirtioQueueTestSupport
import Vsock
import VsockTestSupport

/// Bytes from a position of an endless sequence without short periods.
func pattern(_ range: Range<Int>) -> [UInt8] {
    range.map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 8) }
}

@Suite(.bothRings) struct DataTests {
    @Test("a stream to the host arrives whole, through every layout of packets", arguments: GuestPeer.Layout.allCases)
    func toHost(layout: GuestPeer.Layout) throws {
        var options = VsockOptions()
        options.bufferByteCount = 16 << 10
        let rig = try Rig(options)
        rig.guest.layout = layout
        rig.guest.keepsPackets = false
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        let program = try #require(rig.backend.accepted.first?.program)
        let total = 300_000
        var sent = 0
        var received: [UInt8] = []
        for _ in 0..<10_000 where received.count < total {
            let end = min(total, sent + 7001)
            sent += try rig.guest.send(pattern(sent..<end), on: socket, packetByteCount: 3000)
            try rig.guest.run()
            received += try program.receive(5000) ?? []
        }
        #expect(received == pattern(0..<total))
        #expect(rig.device.counters.bytesFromGuest == UInt64(total))
    }

    @Test(
        "a stream to the guest arrives whole, and never more than it has room for",
        arguments: [1, 100, 4096, 65536] as [UInt32])
    func toGuest(buffer: UInt32) throws {
        let rig = try Rig()
        rig.guest.bufferByteCount = buffer
        rig.guest.keepsPackets = false
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        let program = try #require(rig.backend.accepted.first?.program)
        let total = buffer < 1000 ? 2000 : 300_000
        var sent = 0
        var received: [UInt8] = []
        for _ in 0..<10_000 where received.count < total {
            sent += try program.send(pattern(sent..<total))
            try rig.guest.run()
            #expect(socket.unread.count <= Int(buffer))
            received += try rig.guest.read(socket)
        }
        #expect(received == pattern(0..<total))
    }

    @Test("a guest that reads nothing is given what it has room for, and asked once for more")
    func guestReadsNothing() throws {
        let rig = try Rig()
        rig.guest.bufferByteCount = 1000
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        let program = try #require(rig.backend.accepted.first?.program)
        #expect(try program.send(pattern(0..<5000)) == 5000)
        rig.guest.answers = false
        try rig.guest.run()
        let data = rig.guest.packets.filter { $0.header.operation == .data }
        #expect(data.reduce(0) { $0 + $1.payload.count } == 1000)
        #expect(rig.guest.packets.filter { $0.header.operation == .creditRequest }.count == 1)
        for _ in 0..<20 { rig.guest.loop.runOnce() }
        #expect(rig.guest.packets.filter { $0.header.operation == .creditRequest }.count == 1)
        #expect(socket.phase == .established)
    }

    @Test("a host that reads nothing costs no more than the buffer, and other connections go on")
    func hostReadsNothing() throws {
        var options = VsockOptions()
        options.bufferByteCount = 8192
        let rig = try Rig(options)
        let stuck = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        var sent = 0
        for _ in 0..<200 {
            let count = try rig.guest.send(pattern(sent..<(sent + 8192)), on: stuck)
            sent += count
            try rig.guest.run()
            if count == 0 { break }
        }
        #expect(stuck.credit == 0)
        let other = try rig.guest.connect(toHostPort: 53)
        try rig.guest.run()
        try rig.guest.send([1, 2, 3], on: other)
        try rig.guest.run()
        #expect(try rig.backend.accepted.last?.program.receive() == [1, 2, 3])
        // And the stuck one when it reads at last.
        let program = try #require(rig.backend.accepted.first?.program)
        var received: [UInt8] = []
        let isDone = try rig.guest.run {
            received += try program.receive() ?? []
            return received.count == sent
        }
        #expect(isDone && received == pattern(0..<sent))
        try rig.guest.run()
        #expect(stuck.credit == 8192)
    }

    @Test("a burst of small packets arrives whole and in order, and so does what ends it", arguments: 0..<4)
    func burst(ending: Int) throws {
        let rig = try Rig()
        rig.guest.layout = .single
        let sockets = try [52, 53].map { try rig.guest.connect(toHostPort: $0) }
        try rig.guest.run()
        rig.guest.rings = false
        var sent = [0, 0]
        for (index, count) in [(0, 1), (0, 30), (1, 7), (0, 4096), (0, 4097), (0, 2), (1, 1), (1, 9), (0, 3)] {
            sent[index] += try rig.guest.send(pattern(sent[index]..<(sent[index] + count)), on: sockets[index])
        }
        #expect(sent == [8229, 17])
        switch ending {
        case 0: try rig.guest.shutDown(sockets[0], .noMoreSending)
        case 1: try rig.guest.close(sockets[0])
        case 2: try rig.guest.reset(sockets[0])
        default:
            // More than there is room for.
            let huge = rig.guest.header(.data, port: sockets[0].port, hostPort: 52, payloadByteCount: 1 << 30)
            try rig.guest.put(huge)
        }
        try rig.guest.run()
        let programs = rig.backend.accepted.map(\.program)
        #expect(try programs[0].receive() == pattern(0..<8229))
        #expect(try programs[0].receive() == nil)
        #expect(try programs[1].receive() == pattern(0..<17))
        #expect(try programs[1].receive() == [])
    }

    @Test("a burst of small packets that the host takes later is kept, and what follows comes after it")
    func burstKept() throws {
        let rig = try Rig()
        rig.guest.layout = .single
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        rig.guest.rings = false
        let program = try #require(rig.backend.accepted.first?.program)
        var sent = 0
        // Until the host's socket and the device's buffer are full.
        while true {
            let count = try rig.guest.send(pattern(sent..<(sent + 20_000)), on: socket, packetByteCount: 500)
            sent += count
            try rig.guest.run()
            if count == 0 { break }
        }
        try rig.guest.shutDown(socket, .noMoreSending)
        var received: [UInt8] = []
        let isDone = try rig.guest.run {
            guard let bytes = try program.receive() else { return true }
            received += bytes
            return false
        }
        #expect(isDone && received == pattern(0..<sent))
    }

    @Test("a stream into many small buffers keeps its order and its end, and leaves no buffer behind")
    func manyBuffers() throws {
        let backend = try PairBackend()
        let device = VsockDevice(guestCID: try #require(GuestCID(3)), backend: backend)
        let guest = try GuestPeer(device, queueSize: 32, receiveBufferByteCount: 44 + 300)
        guest.bufferByteCount = 9000
        let socket = try guest.connect(toHostPort: 52)
        try guest.run()
        let program = try #require(backend.accepted.first?.program)
        var received: [UInt8] = []
        var sent = 0
        // More than the guest has room for, less, and exactly one buffer; both kinds of turns.
        for count in [20_000, 300, 301, 1, 8999, 600, 50_000, 300] {
            let end = sent + count
            while sent < end {
                sent += try program.send(pattern(sent..<end))
                try guest.run()
                received += try guest.read(socket)
            }
        }
        program.close()
        #expect(
            try guest.run {
                received += try guest.read(socket)
                return socket.isAtEnd && socket.unread.isEmpty
            })
        #expect(received == pattern(0..<sent))
        // All buffers go round: each of them still takes a packet.
        try guest.run()
        guest.packets.removeAll()
        for port in 100..<200 as Range<UInt32> { try guest.send(guest.header(.data, port: port, hostPort: 1)) }
        try guest.run()
        #expect(guest.packets.count { $0.header.operation == .reset } == 100)
        #expect(!guest.interrupt.didNeedReset && device.counters.malformed == 0)
    }

    @Test("buffers outside of guest memory, or for headers alone, between good ones: the stream is whole all the same")
    func badBuffersBetween() throws {
        let rig = try Rig()
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        let program = try #require(rig.backend.accepted.first?.program)
        rig.guest.refills = false
        var sent = 0
        var received: [UInt8] = []
        let outside = DriverQueue.Buffer(GuestAddress(0xf_0000_0000), 4096, isWritable: true)
        for round in 0..<40 {
            for good in [3, 1, 5] {
                try rig.guest.refill(good)
                let bad = round & 1 == 0 ? outside : rig.guest.receiveQueue.buffer(room: 44)
                try rig.guest.receiveQueue.send(chain: [bad])
            }
            sent += try program.send(pattern(sent..<(sent + 60_000)))
            rig.guest.notify(0)
            try rig.guest.run()
            received += try rig.guest.read(socket)
        }
        rig.guest.refills = true
        try rig.guest.refill(32)
        rig.guest.notify(0)
        #expect(
            try rig.guest.run {
                received += try rig.guest.read(socket)
                return received.count >= sent
            })
        #expect(received == pattern(0..<sent))
        #expect(!rig.guest.interrupt.didNeedReset)
    }

    @Test("connections take turns: one with a lot to say does not keep another waiting")
    func turns() throws {
        let rig = try Rig()
        rig.guest.bufferByteCount = 16 << 20
        for port in [52, 53] as [UInt32] {
            _ = try rig.guest.connect(toHostPort: port)
            try rig.guest.run()
        }
        let loud = rig.backend.accepted[0].program
        let quiet = rig.backend.accepted[1].program
        rig.guest.refills = false
        // Until neither the guest nor the socket takes more.
        while try loud.send(pattern(0..<60_000)) > 0 { try rig.guest.run() }
        try quiet.send("psst")
        try rig.guest.run()
        rig.guest.packets.removeAll()
        try rig.guest.refill(3)
        rig.guest.notify(0)
        try rig.guest.run()
        #expect(rig.guest.packets.contains { $0.header.sourcePort == 53 && $0.payload == Array("psst".utf8) })
        #expect(rig.guest.packets.contains { $0.header.sourcePort == 52 })
    }

    @Test("the guest sends more than it may: the connection ends, what it might send arrives")
    func creditViolation() throws {
        var options = VsockOptions()
        options.bufferByteCount = 4096
        let rig = try Rig(options)
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        let program = try #require(rig.backend.accepted.first?.program)
        try rig.guest.send([1, 2, 3], on: socket)
        let header = rig.guest.header(.data, port: socket.port, hostPort: 52, payloadByteCount: 4097)
        try rig.guest.send(header, pattern(0..<4097))
        try rig.guest.run()
        #expect(socket.phase == .closed)
        #expect(try program.receive() == [1, 2, 3])
        #expect(try program.receive() == nil)
        #expect(rig.device.counters.violations == 1)
    }

    @Test("buffers for headers alone do not stop the device, and are counted")
    func headerOnlyBuffers() throws {
        let backend = try PairBackend()
        let device = VsockDevice(guestCID: try #require(GuestCID(3)), backend: backend)
        let guest = try GuestPeer(device, receiveBufferByteCount: 44)
        let socket = try guest.connect(toHostPort: 52)
        try guest.run()
        #expect(socket.phase == .established)
        guest.refills = false
        try backend.accepted.first?.program.send("hello")
        try guest.run()
        #expect(device.counters.malformed > 0 && !guest.interrupt.didNeedReset)
        #expect(socket.unread.isEmpty)
    }

    @Test("a payload outside of guest memory: the chain comes back, nothing is delivered (CVE-2019-18960)")
    func unmappedPayload() throws {
        let rig = try Rig()
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        let program = try #require(rig.backend.accepted.first?.program)
        let queue = rig.guest.transmitQueue
        while try queue.takeBack() != nil {}
        let header = rig.guest.header(.data, port: socket.port, hostPort: 52, payloadByteCount: 16)
        guard let end = queue.memory.regions.last?.range.end else { return }
        for address in [end.rawValue - 8, end.rawValue, .max - 7, 0xf_0000_0000] as [UInt64] {
            let part = DriverQueue.Buffer(GuestAddress(address), 16, isWritable: false)
            let head = try queue.send(chain: [try queue.buffer(of: header.bytes), part])
            rig.guest.notify(1)
            let used = try queue.takeBack()
            #expect(used?.written == 0 && used?.head == head.map(UInt32.init))
        }
        try rig.guest.run()
        #expect(try program.receive() == [])
        #expect(!rig.guest.interrupt.didNeedReset)
    }
}
