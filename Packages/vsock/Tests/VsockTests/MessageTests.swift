// SPDX-License-Identifier: Apache-2.0
import Testing
import VirtioQueueTestSupport
import Vsock
import VsockTestSupport

@Suite(.bothRings, .bothOpeners) struct MessageTests {
    static let sizes = [0, 1, 2, 43, 44, 45, 4095, 4096, 4097, 65535, 65536, 65537, 100_003, 200_000]

    @Test(
        "a message arrives as one, of any size, both ways, through every layout", arguments: GuestPeer.Layout.allCases)
    func echo(layout: GuestPeer.Layout) throws {
        let rig = try PacketRig()
        rig.guest.layout = layout
        for size in Self.sizes {
            let message = pattern(size..<(2 * size))
            try rig.send(message, packetByteCount: 30_001)
            #expect(rig.program.receiveMessage() == .message(message), "\(size) bytes to the host")
            #expect(rig.program.receiveMessage() == .nothing)
            #expect(try rig.program.send(message) == size)
            #expect(try rig.read() == GuestSocket.Message(message), "\(size) bytes to the guest")
            #expect(try rig.read() == nil)
        }
    }

    @Test("messages of the host that wait together stay apart, and only their last packets say that they end")
    func packets() throws {
        let rig = try PacketRig()
        for size in [1, 10_000, 0, 4096, 8192, 5] { try rig.program.send(pattern(0..<size)) }
        rig.guest.packets.removeAll()
        try rig.guest.run()
        let data = rig.guest.packets.filter { $0.header.operation == .data }
        #expect(data.map(\.payload.count) == [1, 4096, 4096, 1808, 0, 4096, 4096, 4096, 5])
        #expect(
            data.map { $0.header.flags == .endOfMessage } == [true, false, false, true, true, true, false, true, true])
        #expect(data.allSatisfy { $0.header.type == .sequencedPacket })
        #expect(rig.socket.messages.map(\.bytes.count) == [1, 10_000, 0, 4096, 8192, 5])
    }

    @Test(
        "a message of the host goes as far as the guest has room, and on when it has more", arguments: [1, 999, 4096])
    func slowGuest(size: Int) throws {
        let rig = try PacketRig(guestBuffer: 4096)
        var sent = 0
        var received = 0
        // As many as the socket takes; of those a guest reads one, then all.
        for round in 0..<4 {
            for _ in 0..<1000 where try rig.program.send(pattern(sent..<(sent + size))) > 0 { sent += size }
            while let message = try rig.read() {
                #expect(message.bytes == pattern(received..<(received + size)))
                received += size
                if round & 1 == 0 { break }
            }
        }
        #expect(received == sent && sent > 500)
    }

    @Test("messages without a byte are messages, to their end: the last one, and then the end of all")
    func empty() throws {
        let rig = try PacketRig()
        try rig.send([])
        try rig.send([1])
        try rig.send([])
        try rig.program.send([])
        try rig.program.send([2])
        try rig.program.send([])
        rig.program.endSending()
        let expected: [[UInt8]] = [[], [2], []]
        for bytes in expected { #expect(try rig.read()?.bytes == bytes) }
        #expect(rig.socket.isAtEnd)
        try rig.guest.close(rig.socket)
        try rig.guest.run()
        for bytes in [[], [1], []] as [[UInt8]] { #expect(rig.program.receiveMessage() == .message(bytes)) }
        #expect(rig.program.receiveMessage() == .end)
    }

    @Test("a packet that carries nothing and ends nothing says nothing")
    func nothing() throws {
        let rig = try PacketRig()
        for _ in 0..<1000 { try rig.put(0) }
        try rig.put(2, .endOfMessage)
        try rig.guest.run()
        #expect(rig.program.receiveMessage() == .message(pattern(0..<2)))
        #expect(rig.program.receiveMessage() == .nothing)
        #expect(rig.rig.device.keptByteCount == 0)
    }

    @Test("the end of a record ends no message by itself; Unix sockets do not carry it on")
    func records() throws {
        let rig = try PacketRig()
        #expect(try rig.guest.send(message: [1, 2, 3], on: rig.socket, isRecord: true) == 3)
        #expect(rig.program.receiveMessage() == .message([1, 2, 3]))
        try rig.put(2, .endOfRecord)
        #expect(rig.program.receiveMessage() == .nothing)
        try rig.put(0, .endOfMessage)
        #expect(rig.program.receiveMessage() == .message(pattern(0..<2)))
        try rig.program.send([4])
        #expect(try rig.read()?.flags == .endOfMessage)
    }

    @Test("a long message does not keep another connection waiting, and is not mixed with its packets")
    func turns() throws {
        let rig = try PacketRig(queueSize: 16)
        let stream = try rig.guest.connect(toHostPort: 53)
        try rig.guest.run()
        rig.guest.refills = false
        let long = pattern(0..<200_000)
        try rig.program.send(long)
        // The guest's buffers are full.
        try rig.guest.run()
        try rig.rig.backend.accepted.last?.program.send("psst")
        try rig.guest.run()
        rig.guest.packets.removeAll()
        try rig.guest.refill(3)
        rig.guest.notify(0)
        try rig.guest.run()
        #expect(rig.guest.packets.contains { $0.header.sourcePort == 53 && $0.payload == Array("psst".utf8) })
        #expect(rig.guest.packets.contains { $0.header.sourcePort == rig.socket.hostPort })
        rig.guest.refills = true
        try rig.guest.refill(16)
        rig.guest.notify(0)
        #expect(try rig.read()?.bytes == long)
        #expect(try rig.guest.read(stream) == Array("psst".utf8))
    }

    @Test("a message in more pieces than one call takes is whole")
    func manyPieces() throws {
        var options = VsockOptions()
        options.queueSize = 2048
        let rig = try PacketRig(options, queueSize: 2048)
        let queue = rig.guest.transmitQueue
        var header = rig.header(.data, payloadByteCount: 1500)
        header.flags = .endOfMessage
        let message = pattern(0..<1500)
        let buffers = try [queue.buffer(of: header.bytes)] + message.map { try queue.buffer(of: [$0]) }
        #expect(try queue.send(chain: buffers, isIndirect: true) != nil)
        rig.guest.notify(1)
        #expect(rig.program.receiveMessage() == .message(message))
    }
}
