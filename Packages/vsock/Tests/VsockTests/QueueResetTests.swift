// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport
import Vsock
import VsockTestSupport

/// A guest takes queues away and gives them back, elsewhere and of another size, while it has connections (virtio 1.2, 2.6.1).
@Suite(.bothRings) struct QueueResetTests {
    private static func rig(_ options: VsockOptions = VsockOptions()) throws -> Rig {
        try Rig(options, features: Rings.features.union(.ringReset))
    }

    /// A connection of the guest, and its other end.
    private func connect(_ rig: Rig, _ type: VsockSocketType = .stream) throws -> (GuestSocket, HostProgram) {
        let socket = try rig.guest.connect(toHostPort: 52, type: type)
        try rig.guest.run()
        return (socket, try #require(rig.backend.accepted.last?.program))
    }

    @Test(
        "streams in both directions stay exact while each queue is reset again and again",
        arguments: [0, 1, 2] as [UInt16])
    func streams(index: UInt16) throws {
        let rig = try Self.rig()
        rig.guest.rings = false
        let (socket, program) = try connect(rig)
        let toHost = pattern(0..<60_000)
        let toGuest = pattern(7..<60_007)
        var (sent, given) = (0, 0)
        var (atHost, atGuest): ([UInt8], [UInt8]) = ([], [])
        var round = 0
        while atHost.count < toHost.count || atGuest.count < toGuest.count {
            sent += try rig.guest.send(Array(toHost[sent..<min(sent + 3000, 60_000)]), on: socket, packetByteCount: 700)
            given += try program.send(Array(toGuest[given..<min(given + 3000, 60_000)]))
            if round % 3 == 0 { try rig.guest.run() }
            try rig.guest.resetQueue(index)
            if round % 2 == 0 { try rig.guest.run() }
            try rig.guest.restartQueue(index, size: [16, 64, 8][round % 3])
            try rig.guest.run()
            atHost += try program.receive() ?? []
            atGuest += try rig.guest.read(socket)
            round += 1
            try #require(round < 1000)
        }
        #expect(atHost == toHost && atGuest == toGuest)
        #expect(socket.phase == .established && rig.guest.events.isEmpty && !rig.guest.interrupt.didNeedReset)
    }

    @Test("messages stay whole while both queues of packets are reset in the middle of them")
    func messages() throws {
        let rig = try Self.rig()
        let (socket, program) = try connect(rig, .sequencedPacket)
        let message = pattern(0..<20_000)
        var done = try #require(try rig.guest.send(message: message, on: socket, packetByteCount: 500))
        #expect(try program.send(message: message))
        try rig.guest.resetQueue(1)
        try rig.guest.resetQueue(0)
        try rig.guest.restartQueue(1, size: 8)
        try rig.guest.restartQueue(0, size: 2)
        #expect(
            try rig.guest.run {
                if done < message.count {
                    done = try #require(
                        try rig.guest.send(message: message, after: done, on: socket, packetByteCount: 500))
                }
                return socket.messages.count == 1 && done == message.count
            })
        #expect(program.receiveMessage() == .message(message))
        #expect(try rig.guest.readMessage(socket)?.bytes == message)
    }

    @Test("a queue that was reset is not touched, nor is there an interrupt for it; packets in it are never taken")
    func untouched() throws {
        let rig = try Self.rig()
        let (socket, program) = try connect(rig)
        for index in 0..<3 as Range<UInt16> { rig.device.resetQueue(index) }
        try rig.guest.put(rig.guest.header(.data, port: socket.port, hostPort: 52, payloadByteCount: 1), [1])
        let memory = rig.guest.receiveQueue.memory
        func copy() throws -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: 4 << 20)
            for (part, start) in [0x1000, 0x10_0000, 0x200_0000].enumerated() {
                try bytes.withUnsafeMutableBytes {
                    let part = UnsafeMutableRawBufferPointer(rebasing: $0[(part << 20)..<(part + 1) << 20])
                    try memory.read(at: GuestAddress(UInt64(start)), into: part)
                }
            }
            return bytes
        }
        let before = try copy()
        func interrupts() -> [Int] { (0..<3).map { rig.guest.interrupt.count(ofQueue: $0) } }
        let interruptsBefore = interrupts()
        try program.send("hello")
        let other = try rig.backend.connect()
        try other.send("CONNECT 7\n")
        rig.device.resetTransport()
        for _ in 0..<5 {
            rig.guest.loop.runOnce()
            for index in 0..<4 as Range<UInt16> { rig.guest.notify(index) }
        }
        #expect(try copy() == before)
        #expect(interrupts() == interruptsBefore && rig.device.counters.bytesFromGuest == 0)
    }

    @Test(
        "what waits for a queue that is away is bounded: RSTs stop the guest, and the host's data stays in its sockets")
    func bounded() throws {
        var options = VsockOptions()
        options.pendingResetLimit = 4
        let rig = try Self.rig(options)
        let (_, program) = try connect(rig)
        try rig.guest.resetQueue(0)
        rig.guest.layout = .single
        for port in 0..<40 as Range<UInt32> {
            try rig.guest.put(rig.guest.header(.data, port: 2000 + port, hostPort: 9, payloadByteCount: 1), [1])
        }
        rig.guest.notify(1)
        #expect(rig.guest.transmitQueue.freeCount < 64)
        var given = 0
        while let count = try? program.send(pattern(0..<100_000)), count > 0 { given += count }
        for _ in 0..<10 { rig.guest.loop.runOnce() }
        // Nothing is watched that nothing can be done about.
        #expect(!rig.guest.loop.runOnce())
        #expect(rig.device.waitingCount <= 5)
        rig.guest.packets.removeAll()
        try rig.guest.restartQueue(0)
        try rig.guest.run()
        #expect(rig.guest.packets.count { $0.header.operation == .reset } == 40)
    }

    @Test("an event whose queue was reset comes again in the next, and nothing else before the guest dealt with it")
    func event() throws {
        let rig = try Self.rig()
        rig.guest.listening = [7]
        _ = try connect(rig)
        rig.guest.answers = false
        rig.device.resetTransport()
        let program = try rig.backend.connect()
        try program.send("CONNECT 7\n")
        rig.guest.packets.removeAll()
        rig.guest.loop.runOnce()
        rig.guest.answers = true
        try rig.guest.resetQueue(2)
        #expect(rig.guest.events == [0])
        try rig.guest.run()
        #expect(rig.guest.packets.isEmpty)
        rig.guest.answers = false
        try rig.guest.restartQueue(2, size: 4)
        try rig.guest.run()
        #expect(rig.guest.events == [0, 0] && rig.guest.packets.isEmpty)
        rig.guest.answers = true
        try rig.guest.catchUp()
        try rig.guest.run()
        #expect(try program.receive()?.starts(with: "OK ".utf8) == true)
        // With nothing to tell, a reset of the queue tells nothing.
        try rig.guest.resetQueue(2)
        try rig.guest.restartQueue(2)
        try rig.guest.run()
        #expect(rig.guest.events == [0, 0])
    }

    @Test("without its event queue a guest gets RSTs, and with none in time what it was owed is forgotten")
    func eventQueueAway() throws {
        var options = VsockOptions()
        options.requestTimeout = .milliseconds(30)
        let rig = try Self.rig(options)
        let (socket, _) = try connect(rig)
        try rig.guest.resetQueue(2)
        rig.device.resetTransport()
        try rig.guest.run()
        #expect(socket.phase == .closed && rig.guest.events.isEmpty)
        try rig.guest.restartQueue(2)
        rig.guest.answers = false
        rig.device.resetTransport()
        try rig.guest.resetQueue(2)
        rig.guest.answers = true
        let next = try rig.guest.connect(toHostPort: 53)
        #expect(try rig.guest.run { next.phase == .established })
        try rig.guest.restartQueue(2)
        #expect(try rig.guest.run { rig.guest.eventQueue.freeCount == 8 })
        #expect(next.phase == .established)
    }

    @Test(
        "a machine that is saved with queues away goes on with them away, and hears of what happened when they are back"
    )
    func saved() throws {
        for away in [[0], [1], [2], [0, 1], [0, 1, 2]] as [[UInt16]] {
            let rig = try Self.rig()
            let (socket, _) = try connect(rig)
            if away.contains(2) {
                // Told, and not dealt with.
                rig.guest.answers = false
                rig.device.resetTransport()
            }
            // The event's queue first, as a guest deals with what has come.
            for index in away.reversed() { try rig.guest.resetQueue(index) }
            rig.guest.answers = true
            rig.device.pause()
            let state = rig.device.save()
            #expect(state.queues?.map { $0 == nil } == (0..<3).map { away.contains(UInt16($0)) })
            #expect(state.running?.isEventOwed == away.contains(2))
            let device = VsockDevice(guestCID: rig.device.guestCID, backend: rig.backend)
            try rig.guest.move(to: device, restoring: state)
            device.pause()
            #expect(device.save() == state || away != [2])
            device.resume()
            try rig.guest.run()
            for index in away { try rig.guest.restartQueue(index, size: 8) }
            try rig.guest.run()
            #expect(rig.guest.events.last == 0, "\(away)")
            #expect(socket.phase == .closed)
            let next = try rig.guest.connect(toHostPort: 60)
            try rig.guest.run()
            #expect(next.phase == .established, "\(away)")
        }
    }

    @Test("of a connection that the guest has not heard of it is owed no RST, however often the transport is reset")
    func unheard() throws {
        let rig = try Self.rig()
        for index in [2, 0] as [UInt16] { try rig.guest.resetQueue(index) }
        for _ in 0..<5 {
            let program = try rig.backend.connect()
            try program.send("CONNECT 7\n")
            for _ in 0..<5 { rig.guest.loop.runOnce() }
            #expect(rig.device.connectionCount == 1)
            rig.device.resetTransport()
            #expect(rig.device.connectionCount == 0 && rig.device.waitingCount == 0)
        }
        rig.device.pause()
        #expect(rig.device.save().running?.resets == [])
    }

    @Test("a device that gave up a broken ring leaves queues alone that are taken away or given back")
    func broken() throws {
        let rig = try Self.rig()
        guard let queue = rig.guest.transmitQueue as? DriverQueue else { return }
        try queue.setAvailableIndex(queue.availableIndex &+ 1000)
        rig.guest.notify(1)
        #expect(rig.guest.interrupt.didNeedReset)
        for index in 0..<3 as Range<UInt16> {
            try rig.guest.resetQueue(index)
            try rig.guest.restartQueue(index)
        }
        #expect(rig.device.save().running == nil)
        try rig.guest.restart()
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        #expect(socket.phase == .established)
    }
}
