// SPDX-License-Identifier: Apache-2.0
import Testing
import VirtioQueue
import Vsock
import VsockTestSupport

/// How connections of packets begin and end.
@Suite(.bothRings, .bothOpeners) struct PacketConnectionTests {
    @Test(
        "half a message is none: at SHUTDOWN, RST and reset the host gets what was whole, and the end", arguments: 0..<4
    )
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

    @Test(
        "packets of another type end a connection, by an RST of the type that the guest means",
        arguments: [false, true])
    func mixed(isRequest: Bool) throws {
        let rig = try PacketRig()
        try rig.send([1])
        rig.guest.answers = false
        rig.guest.packets.removeAll()
        if isRequest {
            try rig.guest.send(rig.guest.header(.request, port: rig.socket.port, hostPort: rig.socket.hostPort))
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
        "a guest has the kinds of sockets that it accepted: another is refused, to it by an RST of its type, to the host in words",
        arguments: [
            ([], true, false), (.vsockStream, true, false), (.vsockSequencedPacket, true, true),
            ([.vsockStream, .vsockSequencedPacket, .vsockNoImpliedStream], true, true),
            ([.vsockSequencedPacket, .vsockNoImpliedStream], false, true), (.vsockNoImpliedStream, false, false),
            ([.vsockStream, .vsockNoImpliedStream], true, false),
        ] as [(VirtioFeatures, Bool, Bool)])
    func negotiated(features: VirtioFeatures, hasStreams: Bool, hasPackets: Bool) throws {
        let backend = try PairBackend()
        let device = VsockDevice(guestCID: try #require(GuestCID(3)), backend: backend)
        #expect(device.offeredFeatures.isSuperset(of: features))
        let guest = try GuestPeer(device, features: features.union([.version1, .indirectDescriptors, .eventIndex]))
        let types: [(VsockSocketType, Bool)] = [
            (.stream, hasStreams), (.sequencedPacket, hasPackets), (.other(3), false),
        ]
        for (type, isThere) in types {
            let socket = try guest.connect(toHostPort: 52, type: type)
            guest.packets.removeAll()
            try guest.run()
            #expect((socket.phase == .established) == isThere)
            #expect(guest.packets.map(\.header.type) == [type])
        }
        guest.listening = [7]
        var programs: [HostProgram] = []
        for (type, isThere, refusal) in [
            (.stream, hasStreams, "NO SOCK_STREAM\n"), (.sequencedPacket, hasPackets, "NO SOCK_SEQPACKET\n"),
        ] as [(VsockSocketType, Bool, String)] {
            let program = try backend.connect(type)
            programs.append(program)
            try program.send("CONNECT 7\n")
            guest.packets.removeAll()
            try guest.run()
            let answer = String(decoding: try program.receive() ?? [], as: UTF8.self)
            #expect(answer == (isThere ? "OK \(guest.incoming.last?.hostPort ?? 0)\n" : refusal))
            #expect(guest.packets.isEmpty == !isThere)
            if !isThere { #expect(try program.receive() == nil) }
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
        let again = try rig.guest.connect(
            toHostPort: rig.socket.hostPort, from: rig.socket.port, type: .sequencedPacket)
        try rig.guest.run()
        #expect(again.phase == .established)
    }
}
