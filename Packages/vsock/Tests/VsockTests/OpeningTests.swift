// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import Vsock
import VsockTestSupport

@Suite(.bothRings) struct OpeningTests {
    @Test("no program listens: the guest gets an RST")
    func refused() throws {
        let rig = try Rig()
        rig.backend.answer = { _ in .refuse }
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        #expect(socket.phase == .closed)
        #expect(rig.device.connectionCount == 0 && rig.device.counters.refused == 1)
    }

    @Test("a full backlog is tried again until there is room, or the guest has waited long enough")
    func busy() throws {
        var options = VsockOptions()
        options.requestTimeout = .milliseconds(40)
        let rig = try Rig(options)
        rig.backend.answer = { _ in .busy }
        let late = try rig.guest.connect(toHostPort: 52)
        #expect(try rig.guest.run { late.phase == .closed })
        let lucky = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        #expect(lucky.phase == .connecting)
        rig.backend.answer = { _ in .accept }
        #expect(try rig.guest.run { lucky.phase == .established })
    }

    @Test("nobody listens in the guest: the program's stream ends without a word")
    func guestRefuses() throws {
        let rig = try Rig()
        let program = try rig.backend.connect()
        try program.send("CONNECT 9\n")
        try rig.guest.run()
        #expect(try program.receive() == nil)
        #expect(rig.device.connectionCount == 0)
    }

    @Test("a guest that does not answer: the program's stream ends without a word, after a time")
    func guestSilent() throws {
        var options = VsockOptions()
        options.requestTimeout = .milliseconds(20)
        let rig = try Rig(options)
        rig.guest.answers = false
        let program = try rig.backend.connect()
        try program.send("CONNECT 9\n")
        var end: [UInt8]? = []
        let isDone = try rig.guest.run {
            end = try program.receive()
            return end != []
        }
        #expect(isDone && end == nil)
        #expect(rig.guest.packets.map(\.header.operation).prefix(1) == [.request])
        #expect(rig.device.connectionCount == 0)
    }

    @Test("a line in pieces of one byte, with data behind it, is a line")
    func slowLine() throws {
        let rig = try Rig()
        rig.guest.listening = [1024]
        let program = try rig.backend.connect()
        for byte in Array("Connect 1024\nat once".utf8) {
            try program.send([byte])
            try rig.guest.run()
        }
        #expect(try program.receive() == Array("OK 1073741824\n".utf8))
        let socket = try #require(rig.guest.incoming.first)
        #expect(try rig.guest.read(socket) == Array("at once".utf8))
    }

    @Test("line and data in one write, and closed before the guest answered: all of it arrives")
    func pipelined() throws {
        let rig = try Rig()
        rig.guest.listening = [1024]
        let program = try rig.backend.connect()
        try program.send("CONNECT 1024\nhello")
        program.close()
        try rig.guest.run()
        let socket = try #require(rig.guest.incoming.first)
        #expect(socket.isAtEnd)
        #expect(try rig.guest.read(socket) == Array("hello".utf8))
        try rig.guest.run()
        #expect(rig.device.connectionCount == 0)
    }

    @Test("a program that says nothing, or nonsense, is dropped", arguments: ["", "GET / HTTP/1.1\r\n", "CONN"])
    func strangers(text: String) throws {
        var options = VsockOptions()
        options.lineTimeout = .milliseconds(20)
        let rig = try Rig(options)
        let program = try rig.backend.connect()
        try program.send(text)
        var end: [UInt8]? = []
        let isDone = try rig.guest.run {
            end = try program.receive()
            return end != []
        }
        #expect(isDone && end == nil)
        #expect(rig.device.connectionCount == 0 && rig.guest.packets.isEmpty)
    }

    @Test("ports of the host's connections go up, and are not reused while in use, nor after a restore")
    func hostPorts() throws {
        var options = VsockOptions()
        options.lastHostPort = 0x7fff_fffe
        let rig = try Rig(options)
        rig.guest.listening = [7]
        var programs: [HostProgram] = []
        for _ in 0..<3 {
            let program = try rig.backend.connect()
            try program.send("CONNECT 7\n")
            programs.append(program)
        }
        try rig.guest.run()
        #expect(rig.guest.incoming.map(\.hostPort) == [0x7fff_ffff, 0x4000_0000, 0x4000_0001])
        #expect(rig.device.lastHostPort == 0x4000_0001)
        var restored = VsockOptions()
        restored.lastHostPort = rig.device.lastHostPort
        let other = try Rig(restored)
        other.guest.listening = [7]
        let program = try other.backend.connect()
        try program.send("CONNECT 7\n")
        try other.guest.run()
        #expect(other.guest.incoming.first?.hostPort == 0x4000_0002)
    }

    @Test("the limit holds for both sides; what ends makes room")
    func limit() throws {
        var options = VsockOptions()
        options.connectionLimit = 3
        let rig = try Rig(options)
        rig.guest.listening = [7]
        var sockets: [GuestSocket] = []
        for _ in 0..<4 { sockets.append(try rig.guest.connect(toHostPort: 52)) }
        try rig.guest.run()
        #expect(sockets.map(\.phase) == [.established, .established, .established, .closed])
        let program = try rig.backend.connect()
        try program.send("CONNECT 7\n")
        try rig.guest.run()
        #expect(try program.receive() == nil)
        try rig.guest.close(sockets[0])
        try rig.guest.run()
        let next = try rig.backend.connect()
        try next.send("CONNECT 7\n")
        try rig.guest.run()
        #expect(try next.receive() == Array("OK 1073741824\n".utf8))
    }

    @Test("a pair of ports is free as soon as its connection ended, thousands of times")
    func portReuse() throws {
        let rig = try Rig()
        rig.guest.keepsPackets = false
        for round in 0..<2000 {
            let socket = try rig.guest.connect(toHostPort: 52, from: 5000)
            try rig.guest.run()
            #expect(socket.phase == .established)
            if round & 1 == 0 { try rig.guest.close(socket) } else { try rig.guest.reset(socket) }
            try rig.guest.run()
            rig.backend.removeAccepted()
        }
        #expect(rig.device.connectionCount == 0 && rig.device.counters.opened == 2000)
    }

    @Test("REQUEST for a pair that is open ends it: the guest has forgotten it")
    func duplicate() throws {
        let rig = try Rig()
        let socket = try rig.guest.connect(toHostPort: 52, from: 5000)
        try rig.guest.run()
        let program = try #require(rig.backend.accepted.first?.program)
        try rig.guest.send(rig.guest.header(.request, port: 5000, hostPort: 52))
        try rig.guest.run()
        #expect(socket.phase == .closed)
        #expect(try program.receive() == nil)
        let next = try rig.guest.connect(toHostPort: 52, from: 5000)
        try rig.guest.run()
        #expect(next.phase == .established)
    }

    struct Stray: Sendable, CustomStringConvertible {
        let description: String
        let change: @Sendable (inout VsockHeader) -> Void
        let answers: [VsockOperation]
    }

    @Test(
        "a packet of no connection is answered by an RST of its type, unless it is one or is not for the host",
        arguments: [
            Stray(description: "RW", change: { $0.operation = .data }, answers: [.reset]),
            Stray(description: "RESPONSE", change: { $0.operation = .response }, answers: [.reset]),
            Stray(description: "SHUTDOWN", change: { $0.operation = .shutdown }, answers: [.reset]),
            Stray(description: "CREDIT_REQUEST", change: { $0.operation = .creditRequest }, answers: [.reset]),
            Stray(description: "unknown", change: { $0.operation = .other(99) }, answers: [.reset]),
            Stray(description: "RST", change: { $0.operation = .reset }, answers: []),
            Stray(description: "type 3", change: { $0.type = .other(3) }, answers: [.reset]),
            Stray(description: "type 0", change: { $0.type = .other(0) }, answers: [.reset]),
            Stray(description: "another sender", change: { $0.sourceCID = 4 }, answers: []),
            Stray(description: "sender above 32 bits", change: { $0.sourceCID = 1 << 32 | 3 }, answers: []),
            Stray(description: "to itself", change: { $0.destinationCID = 3 }, answers: []),
            Stray(description: "to the hypervisor", change: { $0.destinationCID = 0 }, answers: []),
            Stray(description: "to anybody", change: { $0.destinationCID = 0xffff_ffff }, answers: []),
        ])
    func strays(stray: Stray) throws {
        let rig = try Rig()
        rig.guest.answers = false
        var header = rig.guest.header(.request, port: 5, hostPort: 6)
        stray.change(&header)
        try rig.guest.send(header)
        try rig.guest.run()
        #expect(rig.guest.packets.map(\.header.operation) == stray.answers)
        #expect(rig.guest.packets.allSatisfy { $0.header == header.resetAnswer })
        #expect(rig.device.connectionCount == 0)
    }
}
