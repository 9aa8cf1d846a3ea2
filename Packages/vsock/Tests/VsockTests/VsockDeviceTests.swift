// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport
import Vsock
import VsockTestSupport

@Suite(.bothRings) struct VsockDeviceTests {
    @Test("a guest's number is from 3 to 2^32 - 2", arguments: [0, 1, 2, 0xffff_ffff, 1 << 32, .max] as [UInt64])
    func guestCID(number: UInt64) {
        #expect(GuestCID(number) == nil)
        #expect(GuestCID(3)?.rawValue == 3 && GuestCID(0xffff_fffe) != nil)
    }

    @Test("kind, queues and configuration space are those of 5.10")
    func identity() throws {
        let rig = try Rig()
        #expect(rig.device.deviceID == .socket)
        #expect(rig.device.queueMaximumSizes == [256, 256, 16])
        #expect(rig.device.initialConfiguration == [3, 0, 0, 0, 0, 0, 0, 0])
        #expect(
            rig.device.offeredFeatures
                == [.implementedByQueue, .vsockStream, .vsockSequencedPacket, .vsockNoImpliedStream])
        #expect(VirtioFeatures(rawValue: 7) == [.vsockStream, .vsockSequencedPacket, .vsockNoImpliedStream])
    }

    @Test("without one of its first two queues the device does not start")
    func missingQueue() throws {
        let device = VsockDevice(guestCID: try #require(GuestCID(3)), backend: try PairBackend())
        let loop = PollLoop()
        device.attach(to: DeviceHost(configuration: RecordingConfiguration(), events: loop, executor: loop.executor))
        let driver = try DriverQueue(size: 8)
        for missing in 0..<2 {
            var queues: [Queue?] = [try driver.activate(), try driver.activate(), nil]
            queues[missing] = nil
            let activation = Activation(
                memory: driver.memory, features: driver.features, queues: queues, interrupt: RecordingInterrupt())
            #expect(throws: ActivationError.missingQueue(index: missing)) { try device.activate(activation) }
        }
        #expect(loop.watchCount == 0)
    }

    @Test("a broken ring stops the device, and a reset mends it", arguments: [0, 1, 2])
    func brokenRing(index: Int) throws {
        let rig = try Rig()
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        // Packed rings have no index that could run ahead.
        guard
            let queue = [rig.guest.receiveQueue, rig.guest.transmitQueue, rig.guest.eventQueue][index] as? DriverQueue
        else { return }
        try rig.backend.accepted.first?.program.send("x")
        // The receive queue is looked at when there is something to say.
        while try queue.takeBack() != nil {}
        try queue.setAvailableIndex(queue.availableIndex &+ 1000)
        try rig.guest.run()
        rig.guest.notify(UInt16(index))
        #expect(rig.guest.interrupt.didNeedReset || index == 0)
        if case .queue(let broken, _)? = rig.guest.interrupt.fault { #expect(broken == UInt16(index)) }
        for number in 0..<4 as Range<UInt16> { rig.guest.notify(number) }
        rig.backend.removeAccepted()
        try rig.guest.restart()
        let next = try rig.guest.connect(toHostPort: 52, from: socket.port)
        try rig.guest.run()
        #expect(next.phase == .established)
    }

    @Test("a reset closes every program's stream, and programs that come later wait for the next start")
    func reset() throws {
        let rig = try Rig()
        rig.guest.listening = [7]
        _ = try rig.guest.connect(toHostPort: 52)
        let program = try rig.backend.connect()
        try program.send("CONNECT 7\n")
        let silent = try rig.backend.connect()
        try rig.guest.run()
        #expect(rig.device.connectionCount == 3)
        rig.device.reset()
        #expect(rig.device.connectionCount == 0 && rig.guest.loop.watchCount == 0)
        #expect(try program.receive() == Array("OK 1073741824\n".utf8))
        #expect(try program.receive() == nil)
        #expect(try silent.receive() == nil)
        let early = try rig.backend.connect()
        try early.send("CONNECT 7\n")
        rig.guest.loop.runOnce()
        #expect(try early.receive() == [])
        try rig.guest.restart()
        try rig.guest.run()
        #expect(try early.receive()?.starts(with: "OK ".utf8) == true)
    }

    @Test("the transport reset event ends all connections, and nothing comes before the guest dealt with it")
    func transportReset() throws {
        let rig = try Rig()
        rig.guest.listening = [7]
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        let program = try #require(rig.backend.accepted.first?.program)
        rig.guest.answers = false
        rig.device.resetTransport()
        #expect(try program.receive() == nil)
        #expect(rig.device.connectionCount == 0)
        let early = try rig.backend.connect()
        try early.send("CONNECT 7\n")
        rig.guest.packets.removeAll()
        try rig.guest.run()
        #expect(rig.guest.events == [0])
        #expect(rig.guest.packets.isEmpty)
        // The guest's packet of a connection that is gone, in flight while the machine was saved.
        try rig.guest.send(rig.guest.header(.creditUpdate, port: socket.port, hostPort: 52))
        rig.guest.answers = true
        try rig.guest.offerEventBuffer()
        rig.guest.notify(2)
        try rig.guest.run()
        #expect(rig.guest.packets.first?.header.operation == .reset)
        #expect(try early.receive()?.starts(with: "OK ".utf8) == true)
    }

    @Test("a guest that never deals with the event is not cut off for ever (#5969, #6074)")
    func gateOpens() throws {
        var options = VsockOptions()
        options.requestTimeout = .milliseconds(30)
        let rig = try Rig(options)
        rig.guest.answers = false
        rig.device.resetTransport()
        try rig.guest.send(rig.guest.header(.request, port: 9, hostPort: 52))
        #expect(try rig.guest.run { rig.guest.packets.last?.header.operation == .response })
    }

    @Test("packets in the ring when a restored device starts are served without a doorbell (#6100)")
    func packetsBeforeActivation() throws {
        let rig = try Rig()
        try rig.guest.put(rig.guest.header(.request, port: 9, hostPort: 52))
        // What a transport does after every activation, whoever rang.
        for index in 0..<3 as Range<UInt16> { rig.guest.notify(index) }
        try rig.guest.run()
        #expect(rig.guest.packets.map(\.header.operation) == [.response])
    }

    @Test(
        "without event index the plain flags do as well",
        arguments: [[.version1], [.version1, .indirectDescriptors]] as [VirtioFeatures])
    func features(features: VirtioFeatures) throws {
        let backend = try PairBackend()
        let device = VsockDevice(guestCID: try #require(GuestCID(3)), backend: backend)
        let guest = try GuestPeer(device, features: features)
        let socket = try guest.connect(toHostPort: 52)
        try guest.run()
        try guest.send([1], on: socket)
        #expect(try backend.accepted.first?.program.receive() == [1])
    }
}
