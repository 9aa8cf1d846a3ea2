// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil
import Vsock
import VsockTestSupport

/// Thousands at one time: what each still gets, and what all of them cost.
@Suite(.serialized) struct CrowdTests {
    init() { raiseDescriptorLimit() }

    @Test("four thousand connections over Unix sockets talk at one time; those beyond get an RST, or an end")
    func unixSockets() throws {
        let directory = try Directory()
        var options = VsockOptions()
        options.connectionLimit = 4000
        let backend = try UnixSocketBackend(path: directory.path + "/v")
        let listener = try UnixSocketBackend(path: directory.path + "/v_52", backlog: 1024)
        let device = VsockDevice(guestCID: try #require(GuestCID(3)), backend: backend, options: options)
        let guest = try GuestPeer(device, queueSize: 256)
        guest.keepsPackets = false
        guest.listening = [7]
        var sockets: [GuestSocket] = []
        var accepted: [HostProgram] = []
        var programs: [HostProgram] = []
        for index in 0..<2000 {
            sockets.append(try guest.connect(toHostPort: 52))
            accepted.append(HostProgram(try listener.accept()))
            let program = try HostProgram(path: backend.path)
            try program.send("CONNECT 7\n")
            programs.append(program)
            if index % 64 == 63 { try guest.run() }
        }
        try guest.run()
        #expect(device.connectionCount == 4000)
        #expect(try programs.allSatisfy { try $0.receive()?.starts(with: "OK ".utf8) == true })

        let refused = try guest.connect(toHostPort: 52)
        let late = try HostProgram(path: backend.path)
        try late.send("CONNECT 7\n")
        try guest.run()
        #expect(refused.phase == .closed && device.counters.refused == 2)
        #expect(try late.receive() == nil)
        #expect(throws: Errno.wouldBlock) { _ = try listener.accept() }

        for (index, socket) in sockets.enumerated() {
            try guest.send(pattern(index..<(index + 20)), on: socket)
            try accepted[index].send(pattern(index..<(index + 30)))
            try programs[index].send(pattern(index..<(index + 40)))
        }
        try guest.run()
        #expect(try accepted.indices.allSatisfy { try accepted[$0].receive() == pattern($0..<($0 + 20)) })
        #expect(try sockets.indices.allSatisfy { try guest.read(sockets[$0]) == pattern($0..<($0 + 30)) })
        // They were accepted in the order in which they came.
        let incoming = guest.incoming
        #expect(try incoming.indices.allSatisfy { try guest.read(incoming[$0]) == pattern($0..<($0 + 40)) })

        for socket in sockets { try guest.close(socket) }
        programs.removeAll()
        try guest.run()
        #expect(device.connectionCount == 0)
        #expect(try accepted.allSatisfy { try $0.receive() == nil })
    }

    @Test(
        "what is kept for a crowd whose programs do not read stays within the limit, whatever each guest socket sends")
    func keptBytes() throws {
        var options = VsockOptions()
        options.bufferTotalByteCountMax = 1 << 20
        let rig = try Rig(options)
        rig.guest.keepsPackets = false
        let sockets = try (0..<100).map { try rig.guest.connect(toHostPort: UInt32($0)) }
        try rig.guest.run()
        // The host's own socket buffers are filled first.
        let piece = [UInt8](repeating: 1, count: 64 << 10)
        for socket in sockets {
            while socket.credit > 0, try rig.guest.send(piece, on: socket) > 0 { try rig.guest.run() }
        }
        #expect(sockets.allSatisfy { $0.phase == .established && $0.credit == 0 })
        #expect(rig.device.keptByteCount > 256 << 10)
        #expect(rig.device.keptByteCount <= (1 << 20) + 100 * 4096)
    }

    @Test("one busy connection and a thousand others: once they begin to speak, it says one thing for each of them")
    func busyStream() throws {
        // More and smaller buffers than the busy one can fill: it is not held up by the guest.
        let rig = try Rig(Self.options(limit: 2000), queueSize: 8192, receiveBufferByteCount: 44 + 64)
        rig.guest.bufferByteCount = 1 << 20
        for port in 0..<1001 as Range<UInt32> {
            _ = try rig.guest.connect(toHostPort: port)
            if port % 100 == 0 { try rig.guest.run() }
        }
        try rig.guest.run()
        #expect(rig.guest.sockets.count == 1001)
        let busy = rig.backend.accepted[0].program
        rig.guest.packets.removeAll()
        while try busy.send(pattern(0..<60_000)) > 0 {}
        for accepted in rig.backend.accepted.dropFirst() { try accepted.program.send("x") }
        try rig.guest.run()
        let senders = rig.guest.packets.filter { $0.header.operation == .data }.map(\.header.sourcePort)
        let first = try #require(senders.firstIndex { $0 != 0 })
        let last = try #require(senders.lastIndex { $0 != 0 })
        #expect(senders.count { $0 != 0 } == 1000 && senders.count { $0 == 0 } > 2500)
        #expect(senders[first...last].count { $0 == 0 } <= 1001)
        var ahead = 0
        for sender in senders[first...last] {
            ahead += sender == 0 ? 1 : -1
            #expect(ahead <= 1)
        }
    }

    @Test("a guest that keeps one connection busy keeps no program waiting on another")
    func busyGuest() throws {
        let rig = try Rig(Self.options(limit: 2000), queueSize: 256)
        rig.guest.keepsPackets = false
        let busy = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        let reader = rig.backend.accepted[0].program
        let sockets = try (0..<1000).map { _ in try rig.guest.connect(toHostPort: 53) }
        try rig.guest.run()
        let programs = rig.backend.accepted.dropFirst().map(\.program)
        for round in 0..<3 {
            // As much as it may, which its program does not read: the rest is kept.
            while busy.credit > 0, try rig.guest.send(pattern(0..<65536), on: busy) > 0 { try rig.guest.run() }
            #expect(busy.credit == 0)
            for socket in sockets { try rig.guest.send([UInt8(round)], on: socket) }
            #expect(try programs.allSatisfy { try $0.receive() == [UInt8(round)] })
            _ = try reader.receive(200_000)
            try rig.guest.run()
        }
    }

    @Test("a thousand that wait for one full backlog ask for it once each time and get through in their order")
    func backlog() throws {
        let rig = try Rig(Self.options(limit: 2000), queueSize: 256)
        rig.guest.keepsPackets = false
        var asked = 0
        var room = 0
        rig.backend.answer = { _ in
            asked += 1
            guard room > 0 else { return .busy }
            room -= 1
            return .accept
        }
        let sockets = try (0..<1000).map { _ in try rig.guest.connect(toHostPort: 52) }
        try rig.guest.run()
        #expect(asked >= 1000)
        asked = 0
        for _ in 0..<10 { rig.guest.loop.runOnce(timeoutMilliseconds: 20) }
        #expect(asked > 0 && asked <= 10)
        room = 10
        #expect(try rig.guest.run { sockets.contains { $0.phase == .established } })
        #expect(sockets.prefix(10).allSatisfy { $0.phase == .established })
        #expect(sockets.dropFirst(10).allSatisfy { $0.phase == .connecting })
        room = 1000
        #expect(try rig.guest.run { sockets.allSatisfy { $0.phase == .established } })
    }

    @Test("a REQUEST takes back the RST of the pair's last connection that the guest has not taken")
    func staleReset() throws {
        let rig = try Rig()
        rig.guest.refills = false
        try rig.guest.restart()
        // The pair is not open, so an RST is owed, and one for another.
        try rig.guest.send(rig.guest.header(.data, port: 5000, hostPort: 52))
        try rig.guest.send(rig.guest.header(.data, port: 5001, hostPort: 52))
        let socket = try rig.guest.connect(toHostPort: 52, from: 5000)
        rig.guest.refills = true
        try rig.guest.refill(8)
        rig.guest.notify(0)
        try rig.guest.run()
        #expect(rig.guest.packets.map(\.header.operation) == [.reset, .response])
        #expect(rig.guest.packets.first?.header.destinationPort == 5001)
        #expect(socket.phase == .established)
    }

    private static func options(limit: Int) -> VsockOptions {
        var options = VsockOptions()
        options.connectionLimit = limit
        return options
    }
}

/// As many descriptors as the process may have.
func raiseDescriptorLimit() {
    var limit = rlimit()
    getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    limit.rlim_cur = limit.rlim_max
    setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
}
