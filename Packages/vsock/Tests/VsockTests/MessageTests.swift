// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport
import Vsock
import VsockTestSupport

/// An open connection of packets and its program.
struct PacketRig {
    let rig: Rig
    let socket: GuestSocket
    let program: HostProgram
    var guest: GuestPeer { rig.guest }

    init(
        _ options: VsockOptions = VsockOptions(), queueSize: UInt16 = 64, guestBuffer: UInt32 = 256 << 10
    ) throws {
        rig = try Rig(options, queueSize: queueSize)
        rig.guest.bufferByteCount = guestBuffer
        socket = try rig.guest.connect(toHostPort: 52, type: .sequencedPacket)
        try rig.guest.run()
        #expect(socket.phase == .established)
        program = try #require(rig.backend.accepted.first?.program)
    }

    /// The guest's program sends, and waits for the host's to read if there is no room.
    func send(_ message: [UInt8], packetByteCount: Int = 64 << 10) throws {
        var done = 0
        repeat {
            done = try #require(
                try guest.send(message: message, after: done, on: socket, packetByteCount: packetByteCount))
            try guest.run()
        } while done < message.count
    }

    /// A packet as it is.
    func put(_ byteCount: Int, _ flags: VsockFlags = [], type: VsockSocketType = .sequencedPacket) throws {
        var header = guest.header(.data, port: socket.port, hostPort: 52, payloadByteCount: UInt32(byteCount))
        header.type = type
        header.flags = flags
        try guest.send(header, pattern(0..<byteCount))
    }

    /// What the guest's program reads.
    func read() throws -> GuestSocket.Message? {
        try guest.run()
        return try guest.readMessage(socket)
    }
}

@Suite struct MessageTests {
    static let sizes = [0, 1, 2, 43, 44, 45, 4095, 4096, 4097, 65535, 65536, 65537, 100_003, 200_000]

    @Test("a message arrives as one, of any size, both ways, through every layout", arguments: GuestPeer.Layout.allCases)
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
        #expect(data.map { $0.header.flags == .endOfMessage } == [true, false, false, true, true, true, false, true, true])
        #expect(data.allSatisfy { $0.header.type == .sequencedPacket })
        #expect(rig.socket.messages.map(\.bytes.count) == [1, 10_000, 0, 4096, 8192, 5])
    }

    @Test("a message of the host goes as far as the guest has room, and on when it has more", arguments: [1, 999, 4096])
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
        #expect(received == sent && sent >= 20_000 || size == 1)
    }

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
        var update = rig.guest.header(.creditUpdate, port: rig.socket.port, hostPort: 52)
        update.type = .sequencedPacket
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

    @Test("half a message is none: at SHUTDOWN, RST and reset the host gets what was whole, and the end", arguments: 0..<4)
    func half(ending: Int) throws {
        let rig = try PacketRig()
        try rig.send([1])
        try rig.put(1000)
        #expect(rig.rig.device.keptByteCount == 1000)
        #expect(!rig.guest.loop.runOnce())
        switch ending {
        case 0: try rig.guest.shutDown(rig.socket, .noMoreSending)
        case 1: try rig.guest.close(rig.socket)
        case 2: try rig.guest.reset(rig.socket)
        default: rig.rig.device.reset()
        }
        try rig.guest.run()
        #expect(rig.program.receiveMessage() == .message([1]))
        #expect(rig.program.receiveMessage() == .end)
        #expect(rig.rig.device.keptByteCount == 0)
        guard ending == 0 else {
            #expect(rig.rig.device.connectionCount == 0)
            return
        }
        // The other direction goes on.
        try rig.program.send([2])
        #expect(try rig.read()?.bytes == [2])
    }

    @Test("a host that is gone in the middle of a message, or reads no more: the guest is told, and nothing is kept")
    func hostGone() throws {
        let rig = try PacketRig()
        try rig.put(1000)
        rig.program.endReceiving()
        try rig.put(10, .endOfMessage)
        try rig.guest.run()
        #expect(rig.socket.hostShutdown == .noMoreReceiving && rig.rig.device.keptByteCount == 0)
        try rig.put(1000)
        try rig.program.send([3])
        #expect(try rig.read()?.bytes == [3])
        rig.program.close()
        try rig.guest.run()
        #expect(rig.socket.phase == .closed && rig.rig.device.connectionCount == 0)
    }

    @Test("a program that wrote and closed, with something of the guest unread: every message arrives")
    func writeAndClose() throws {
        let rig = try PacketRig(guestBuffer: 3000)
        try rig.send([9, 9])
        for index in 0..<10 { try rig.program.send(pattern(index..<(index + 2000))) }
        try rig.program.send([])
        rig.program.close()
        for index in 0..<10 { #expect(try rig.read()?.bytes == pattern(index..<(index + 2000))) }
        #expect(try rig.read()?.bytes == [])
        try rig.guest.run()
        #expect(rig.socket.phase == .closed && rig.rig.device.connectionCount == 0)
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
        #expect(rig.guest.packets.contains { $0.header.sourcePort == 52 })
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
        var header = rig.guest.header(.data, port: rig.socket.port, hostPort: 52, payloadByteCount: 1500)
        header.type = .sequencedPacket
        header.flags = .endOfMessage
        let message = pattern(0..<1500)
        let buffers = try [queue.buffer(of: header.bytes)] + message.map { try queue.buffer(of: [$0]) }
        #expect(try queue.send(buffers, isIndirect: true) != nil)
        rig.guest.notify(1)
        #expect(rig.program.receiveMessage() == .message(message))
    }

    @Test("packets of another type end a connection, by an RST of the type that the guest means", arguments: [false, true])
    func mixed(isRequest: Bool) throws {
        let rig = try PacketRig()
        try rig.send([1])
        rig.guest.answers = false
        rig.guest.packets.removeAll()
        if isRequest {
            try rig.guest.send(rig.guest.header(.request, port: rig.socket.port, hostPort: 52))
        } else {
            try rig.put(3, type: .stream)
        }
        try rig.guest.run()
        #expect(rig.guest.packets.map(\.header.operation) == [.reset])
        #expect(rig.guest.packets.first?.header.type == .stream)
        #expect(rig.program.receiveMessage() == .message([1]))
        #expect(rig.program.receiveMessage() == .end)
        #expect(rig.rig.device.connectionCount == 0 && rig.rig.device.counters.violations == 1)
    }

    @Test(
        "a guest has the kinds of sockets that it accepted: another is refused by an RST of its type",
        arguments: [
            ([], true, false), (.vsockStream, true, false), (.vsockSequencedPacket, true, true),
            ([.vsockStream, .vsockSequencedPacket, .vsockNoImpliedStream], true, true),
            ([.vsockSequencedPacket, .vsockNoImpliedStream], false, true), (.vsockNoImpliedStream, false, false),
            ([.vsockStream, .vsockNoImpliedStream], true, false),
        ] as [(VirtioFeatures, Bool, Bool)])
    func negotiated(features: VirtioFeatures, hasStreams: Bool, hasPackets: Bool) throws {
        let device = VsockDevice(guestCID: try #require(GuestCID(3)), backend: try PairBackend())
        #expect(device.offeredFeatures.isSuperset(of: features))
        let guest = try GuestPeer(device, features: features.union([.version1, .indirectDescriptors, .eventIndex]))
        let types: [(VsockSocketType, Bool)] = [(.stream, hasStreams), (.sequencedPacket, hasPackets), (.other(3), false)]
        for (type, isThere) in types {
            let socket = try guest.connect(toHostPort: 52, type: type)
            guest.packets.removeAll()
            try guest.run()
            #expect((socket.phase == .established) == isThere)
            #expect(guest.packets.map(\.header.type) == [type])
        }
    }

    @Test("saved while a guest waits and half a message is there: RSTs of the right type, and no half message")
    func saved() throws {
        let rig = try PacketRig()
        try rig.put(1000)
        rig.rig.backend.answer = { _ in .busy }
        let waiting = try rig.guest.connect(toHostPort: 53, type: .sequencedPacket)
        rig.rig.device.pause()
        let state = rig.rig.device.save()
        #expect(
            state.running?.resets
                == [VsockState.Reset(hostPort: 53, guestPort: waiting.port, type: .sequencedPacket)])
        let next = VsockDevice(guestCID: rig.rig.device.guestCID, backend: rig.rig.backend)
        rig.rig.device.reset()
        try rig.guest.move(to: next, restoring: state)
        try rig.guest.run()
        #expect(rig.socket.phase == .closed && waiting.phase == .closed)
        #expect(rig.program.receiveMessage() == .end)
        rig.rig.backend.answer = { _ in .accept }
        let again = try rig.guest.connect(toHostPort: 52, from: rig.socket.port, type: .sequencedPacket)
        try rig.guest.run()
        #expect(again.phase == .established)
    }
}
