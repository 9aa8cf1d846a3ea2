// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import Vsock
import VsockTestSupport

/// How much is kept, and what is too much.
@Suite(.bothRings, .bothOpeners) struct MessageBoundsTests {
    @Test("a message of the host that is larger than the guest's buffer never would arrive: the connection ends")
    func overlongToGuest() throws {
        let rig = try PacketRig(guestBuffer: 10_000)
        try rig.program.send(pattern(0..<10_000))
        try rig.program.send(pattern(0..<10_001))
        #expect(try rig.read()?.bytes == pattern(0..<10_000))
        try rig.guest.run()
        #expect(rig.socket.phase == .closed && rig.rig.device.counters.overlongMessages == 1)
        #expect(rig.socket.receivedByteCount == 10_000)
        #expect(throws: Errno.connectionReset) { try rig.program.send("x") }
        #expect(rig.rig.device.connectionCount == 0)
        let reset = rig.guest.packets.last { $0.header.operation == .reset }
        #expect(reset?.header.type == .sequencedPacket)
    }

    @Test("a guest that makes its buffer smaller than the message that is under way gets no more of it")
    func shrinkingBuffer() throws {
        let rig = try PacketRig(guestBuffer: 10_000)
        rig.guest.refills = false
        // 64 buffers of a page would take it all.
        for _ in 0..<70 { try rig.program.send(pattern(0..<100)) }
        try rig.guest.run()
        try rig.program.send(pattern(0..<8000))
        rig.guest.answers = false
        var update = rig.header(.creditUpdate)
        update.bufferByteCount = 7000
        update.forwardedCount = 6300
        try rig.guest.send(update)
        try rig.guest.refill(1)
        rig.guest.notify(0)
        try rig.guest.run()
        try rig.guest.refill(8)
        rig.guest.notify(0)
        try rig.guest.run()
        #expect(rig.rig.device.counters.overlongMessages == 1)
        #expect(rig.rig.device.connectionCount == 0)
    }

    @Test("a message of the guest that fills its buffer and does not end never can: the connection ends, by an RST")
    func overlongToHost() throws {
        var options = VsockOptions()
        options.bufferByteCount = 8192
        let rig = try PacketRig(options)
        #expect(rig.socket.messageByteCountMax == 8192)
        #expect(try rig.guest.send(message: pattern(0..<8193), on: rig.socket) == nil)
        try rig.send(pattern(0..<8192))
        #expect(rig.program.receiveMessage() == .message(pattern(0..<8192)))
        try rig.put(8191)
        try rig.guest.run()
        #expect(rig.socket.phase == .established)
        try rig.put(1)
        try rig.guest.run()
        #expect(rig.socket.phase == .closed && rig.rig.device.counters.overlongMessages == 1)
        #expect(rig.program.receiveMessage() == .end)
        #expect(rig.rig.device.keptByteCount == 0 && rig.rig.device.connectionCount == 0)
    }

    @Test("the guest is promised no longer messages than the host's socket takes, and those it takes")
    func longest() throws {
        var options = VsockOptions()
        options.bufferByteCount = 16 << 20
        let rig = try PacketRig(options, guestBuffer: 16 << 20)
        let longest = rig.socket.messageByteCountMax
        #expect(longest >= 212_960 && longest <= 16 << 20)
        try rig.send(pattern(0..<longest))
        #expect(rig.program.receiveMessage(longest) == .message(pattern(0..<longest)))
        #expect(rig.socket.phase == .established)
    }

    @Test("messages that the host takes later are kept apart, whatever their sizes, and cost no more than the buffer")
    func hostReadsLater() throws {
        var options = VsockOptions()
        options.bufferByteCount = 16 << 10
        let rig = try PacketRig(options)
        rig.guest.rings = false
        let sizes = [1, 1, 127, 128, 0, 500, 4096, 1, 5000, 16_000, 0, 3]
        var expected: [[UInt8]] = []
        var done = 0
        // Until the host's socket and the device's buffer are full.
        while true {
            let message = pattern(expected.count..<(expected.count + sizes[expected.count % sizes.count]))
            done = try rig.guest.send(message: message, on: rig.socket, packetByteCount: 3000) ?? 0
            try rig.guest.run()
            #expect(rig.rig.device.keptByteCount <= 16 << 10)
            guard done == message.count else { break }
            expected.append(message)
            if expected.count > 20_000 { break }
        }
        #expect(rig.rig.device.keptByteCount > 0 && expected.count < 20_000)
        var received: [[UInt8]] = []
        let isDone = try rig.guest.run {
            while case .message(let bytes) = rig.program.receiveMessage() { received.append(bytes) }
            return received.count >= expected.count
        }
        #expect(isDone && received == expected)
        #expect(rig.socket.phase == .established)
    }

    @Test("one byte a message is the most that there can be: all are kept that the guest may send")
    func oneByteMessages() throws {
        var options = VsockOptions()
        options.bufferByteCount = 4096
        let rig = try PacketRig(options)
        rig.guest.rings = false
        var sent = 0
        var refusals = 0
        while refusals < 2 {
            let isSent = try rig.guest.send(message: [UInt8(truncatingIfNeeded: sent)], on: rig.socket) == 1
            refusals = isSent ? 0 : refusals + 1
            if isSent { sent += 1 }
            if !isSent || sent % 16 == 0 { try rig.guest.run() }
        }
        // What the guest was not told of yet is less than a quarter.
        #expect(rig.rig.device.keptByteCount > 3072)
        var received = 0
        let isDone = try rig.guest.run {
            while case .message(let bytes) = rig.program.receiveMessage(64) {
                #expect(bytes == [UInt8(truncatingIfNeeded: received)])
                received += 1
            }
            return received == sent
        }
        #expect(isDone)
    }

    @Test("messages without a byte cost no credit: as many as there is memory for, and the connection ends")
    func emptyFlood() throws {
        var options = VsockOptions()
        options.bufferByteCount = 4096
        let rig = try PacketRig(options)
        rig.guest.rings = false
        var sent = 0
        while rig.socket.phase == .established, sent < 100_000 {
            sent += 1
            _ = try rig.guest.send(message: [], on: rig.socket)
            if sent % 32 == 0 { try rig.guest.run() }
        }
        try rig.guest.run()
        #expect(rig.socket.phase == .closed && rig.rig.device.counters.violations == 1)
        #expect(rig.rig.device.keptByteCount == 0)
        // Those before arrive.
        var received = 0
        var hasEnded = false
        let isDone = try rig.guest.run {
            while !hasEnded {
                switch rig.program.receiveMessage(64) {
                case .message(let bytes):
                    #expect(bytes.isEmpty)
                    received += 1
                case .nothing: return false
                case .end: hasEnded = true
                }
            }
            return true
        }
        #expect(isDone && received > 4096 && received <= sent)
        #expect(rig.rig.device.connectionCount == 0)
    }
}
