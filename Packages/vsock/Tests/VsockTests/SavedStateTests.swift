// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport
import Vsock
import VsockTestSupport

@Suite(.bothRings) struct SavedStateTests {
    private static func options(_ change: (inout VsockOptions) -> Void = { _ in }) -> VsockOptions {
        var options = VsockOptions()
        change(&options)
        return options
    }

    /// The machine is saved and started again, with its memory and its host.
    @discardableResult
    private static func restart(_ rig: Rig, _ options: VsockOptions = VsockOptions()) throws -> VsockDevice {
        rig.guest.device.pause()
        let state = rig.guest.device.save()
        let next = VsockDevice(guestCID: rig.device.guestCID, backend: rig.backend, options: options)
        try rig.guest.move(to: next, restoring: state)
        return next
    }

    @Test("after a restore the guest's connections are gone and it was told, and its listening sockets stay")
    func restored() throws {
        let rig = try Rig()
        rig.guest.listening = [7]
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        let device = try Self.restart(rig)
        try rig.guest.run()
        #expect(rig.guest.events == [0])
        #expect(socket.phase == .closed && device.connectionCount == 0)
        let program = try rig.backend.connect()
        try program.send("CONNECT 7\n")
        try rig.guest.run()
        #expect(try program.receive()?.starts(with: "OK ".utf8) == true)
        let next = try rig.guest.connect(toHostPort: 53)
        try rig.guest.run()
        try rig.guest.send([1, 2], on: next)
        #expect(try rig.backend.accepted.last?.program.receive() == [1, 2])
    }

    @Test("a machine that was saved may also go on: nothing is lost, and nobody hears of it")
    func savedAndGoesOn() throws {
        let rig = try Rig()
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        let program = try #require(rig.backend.accepted.first?.program)
        try program.send(pattern(0..<100_000))
        rig.device.pause()
        let state = rig.device.save()
        #expect(rig.device.save() == state)
        rig.device.resume()
        var received: [UInt8] = []
        #expect(
            try rig.guest.run {
                received += try rig.guest.read(socket)
                return received.count == 100_000
            })
        #expect(received == pattern(0..<100_000) && rig.guest.events.isEmpty)
    }

    @Test("restored again and again, with events that the guest has not dealt with, it is told each time")
    func again() throws {
        let rig = try Rig()
        for round in 1...20 {
            rig.guest.answers = round % 3 != 0
            _ = try rig.guest.connect(toHostPort: 52)
            try Self.restart(rig)
            try rig.guest.run()
        }
        rig.guest.answers = true
        try rig.guest.catchUp()
        try rig.guest.run()
        #expect(rig.guest.events.count == 20)
        let socket = try rig.guest.connect(toHostPort: 52)
        #expect(try rig.guest.run { socket.phase == .established })
    }

    @Test("nothing comes to a restored guest before it dealt with the event, also if buffers came back unused before")
    func gate() throws {
        let rig = try Rig()
        rig.guest.listening = [7]
        let program = try rig.backend.connect()
        try program.send("CONNECT 7\n")
        rig.guest.answers = false
        try Self.restart(rig)
        try rig.guest.run()
        #expect(rig.guest.events == [0] && rig.guest.packets.isEmpty)
        rig.guest.answers = true
        try rig.guest.catchUp()
        try rig.guest.run()
        #expect(try program.receive()?.starts(with: "OK ".utf8) == true)
    }

    @Test("a guest that was opening a connection when it was saved does not wait for ever")
    func opening() throws {
        let rig = try Rig()
        rig.backend.answer = { _ in .busy }
        rig.guest.answers = false
        let dialing = try rig.guest.connect(toHostPort: 52)
        try Self.restart(rig)
        try rig.guest.run()
        // The event is about connections that exist; a kernel keeps a socket that is still connecting.
        try rig.guest.offerEventBuffer()
        rig.guest.notify(2)
        try rig.guest.run()
        let resets = rig.guest.packets.map(\.header).filter { $0.operation == .reset }
        #expect(resets.map(\.destinationPort) == [dialing.port] && resets.map(\.sourcePort) == [52])
    }

    @Test("a restored machine does not give out the ports of the host that its guest may remember (#5688)")
    func hostPorts() throws {
        let rig = try Rig()
        rig.guest.listening = [7]
        for _ in 0..<3 { try rig.backend.connect().send("CONNECT 7\n") }
        try rig.guest.run()
        try Self.restart(rig)
        try rig.guest.run()
        let program = try rig.backend.connect()
        try program.send("CONNECT 7\n")
        try rig.guest.run()
        #expect(try program.receive() == Array("OK 1073741827\n".utf8))
    }

    @Test("a storm of connections from both sides at the moment of the restore gets through whole (#5882)")
    func storm() throws {
        let rig = try Rig(queueSize: 256)
        rig.guest.listening = [7]
        for _ in 0..<100 { _ = try rig.guest.connect(toHostPort: 52) }
        try rig.guest.run()
        rig.backend.removeAccepted()
        rig.guest.rings = false
        let device = try Self.restart(rig)
        // The guest has not heard of it yet.
        var programs: [HostProgram] = []
        for _ in 0..<200 {
            let program = try rig.backend.connect()
            try program.send("CONNECT 7\nhello")
            programs.append(program)
        }
        try rig.guest.run()
        var sockets: [GuestSocket] = []
        for _ in 0..<200 { sockets.append(try rig.guest.connect(toHostPort: 53)) }
        try rig.guest.run()
        #expect(sockets.allSatisfy { $0.phase == .established })
        #expect(try programs.allSatisfy { try $0.receive()?.starts(with: "OK ".utf8) == true })
        let incoming = rig.guest.incoming.filter { $0.phase == .established }
        #expect(incoming.count == 200)
        #expect(try incoming.allSatisfy { try rig.guest.read($0) == Array("hello".utf8) })
        #expect(device.connectionCount == 400)
    }

    @Test("packets that were in the ring at the save are answered after the restore, without a doorbell (#6074, #6100)")
    func transmitInFlight() throws {
        let rig = try Rig()
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        rig.guest.packets.removeAll()
        rig.device.pause()
        for _ in 0..<20 {
            try rig.guest.put(rig.guest.header(.data, port: socket.port, hostPort: 52, payloadByteCount: 1), [1])
        }
        try rig.guest.put(rig.guest.header(.request, port: 9, hostPort: 53))
        rig.guest.notify(1)
        #expect(rig.guest.transmitQueue.freeCount < 64)
        try Self.restart(rig)
        try rig.guest.run()
        #expect(rig.guest.packets.contains { $0.header.operation == .response && $0.header.sourcePort == 53 })
        while try rig.guest.transmitQueue.takeBack() != nil {}
        #expect(rig.guest.transmitQueue.freeCount == 64)
    }

    @Test("a guest without an event queue gets an RST for each connection")
    func noEventQueue() throws {
        let rig = try Rig()
        _ = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        rig.device.pause()
        var state = rig.device.save()
        #expect(state.running?.resets == [])
        state.running?.event = nil
        state.running?.eventBuffers = []
        let device = VsockDevice(guestCID: rig.device.guestCID, backend: rig.backend)
        try rig.guest.move(to: device, restoring: state)
        let next = try rig.guest.connect(toHostPort: 60)
        try rig.guest.run()
        #expect(next.phase == .established)
        device.pause()
        #expect(
            device.save().running?.resets == [VsockState.Reset(hostPort: next.hostPort, guestPort: next.port)])
        device.resume()
        device.resetTransport()
        try rig.guest.run()
        #expect(next.phase == .closed)
    }

    @Test("a device that no driver has started is restored as one")
    func idle() throws {
        let device = VsockDevice(
            guestCID: try #require(GuestCID(3)), backend: try PairBackend(),
            options: Self.options { $0.lastHostPort = 1 << 30 })
        let state = device.save()
        #expect(state == VsockState(guestCID: 3, lastHostPort: 1 << 30))
        let rig = try Rig()
        rig.device.reset()
        try rig.device.restore(
            state, memory: rig.guest.receiveQueue.memory, features: [.version1], interrupt: rig.guest.interrupt)
        #expect(!rig.device.isPaused && rig.device.lastHostPort == 1 << 30)
        try rig.guest.restart()
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        #expect(socket.phase == .established)
    }

    @Test("while it is paused the device leaves queues alone, keeps connections, and lets no time pass for them")
    func paused() throws {
        let rig = try Rig(
            Self.options {
                $0.requestTimeout = .milliseconds(300)
                $0.lineTimeout = .milliseconds(300)
            })
        rig.guest.listening = [7]
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        let slow = try rig.backend.connect()
        try slow.send("CONN")
        let asking = try rig.backend.connect()
        try asking.send("CONNECT 7\n")
        rig.guest.answers = false
        rig.guest.loop.runOnce()
        rig.device.pause()
        let before = rig.device.save()
        try rig.backend.accepted.first?.program.send("hello")
        try rig.guest.put(rig.guest.header(.creditRequest, port: socket.port, hostPort: 52))
        rig.guest.notify(1)
        let late = try rig.backend.connect()
        try late.send("CONNECT 7\n")
        usleep(400_000)
        for _ in 0..<6 { rig.guest.loop.runOnce() }
        #expect(rig.device.save().running == before.running)
        // Nothing is watched that it does not serve.
        #expect(!rig.guest.loop.runOnce())
        rig.device.resume()
        rig.guest.answers = true
        try rig.guest.catchUp()
        try slow.send("ECT 7\n")
        try rig.guest.run()
        for program in [slow, asking, late] {
            #expect(try program.receive()?.starts(with: "OK ".utf8) == true)
        }
        #expect(try rig.guest.read(socket) == Array("hello".utf8))
    }

    @Test("a reset ends a pause, too")
    func resetWhilePaused() throws {
        let rig = try Rig()
        rig.device.pause()
        try rig.guest.restart()
        #expect(!rig.device.isPaused)
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        #expect(socket.phase == .established)
    }
}
