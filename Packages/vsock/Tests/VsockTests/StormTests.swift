// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VirtioQueueTestSupport
import Vsock
import VsockTestSupport

@Suite(.serialized) struct StormTests {
    init() { raiseDescriptorLimit() }

    @Test("two thousand connections at one time, each with its own bytes")
    func many() throws {
        var options = VsockOptions()
        options.connectionLimit = 2000
        let rig = try Rig(options, queueSize: 256)
        rig.guest.keepsPackets = false
        rig.guest.listening = [7]
        var sockets: [GuestSocket] = []
        var programs: [HostProgram] = []
        for index in 0..<1000 {
            sockets.append(try rig.guest.connect(toHostPort: 1000 + UInt32(index)))
            let program = try rig.backend.connect()
            try program.send("CONNECT 7\n")
            programs.append(program)
            if index % 100 == 99 { try rig.guest.run() }
        }
        try rig.guest.run()
        #expect(rig.device.connectionCount == 2000)
        #expect(sockets.allSatisfy { $0.phase == .established })
        for program in programs { #expect(try program.receive()?.starts(with: "OK ".utf8) == true) }
        for (index, socket) in sockets.enumerated() { try rig.guest.send(pattern(index..<(index + 50)), on: socket) }
        for (index, accepted) in rig.backend.accepted.enumerated() {
            #expect(accepted.port == 1000 + UInt32(index))
            #expect(try accepted.program.receive() == pattern(index..<(index + 50)))
            try accepted.program.send(pattern(index..<(index + 70)))
        }
        try rig.guest.run()
        for (index, socket) in sockets.enumerated() {
            #expect(try rig.guest.read(socket) == pattern(index..<(index + 70)))
        }
        programs.removeAll()
        rig.backend.removeAccepted()
        try rig.guest.run()
        #expect(rig.device.connectionCount == 0)
    }

    @Test("a storm of programs at a guest that takes its time: those within the limit get through, the rest an end")
    func programs() throws {
        var options = VsockOptions()
        options.connectionLimit = 100
        let rig = try Rig(options)
        rig.guest.listening = [7]
        rig.guest.answers = false
        var programs: [HostProgram] = []
        for _ in 0..<500 {
            let program = try rig.backend.connect()
            try program.send("CONNECT 7\n")
            programs.append(program)
            rig.guest.loop.runOnce()
        }
        #expect(rig.device.connectionCount == 100)
        try rig.guest.run()
        rig.guest.answers = true
        for packet in rig.guest.packets { try rig.guest.receive(packet) }
        try rig.guest.run()
        let answers = try programs.map { try $0.receive() }
        #expect(answers.filter { $0?.starts(with: "OK ".utf8) == true }.count == 100)
        #expect(answers.filter { $0 == nil }.count == 400)
    }

    @Test("a guest that floods with stray packets and takes no RST is held up, and goes on when it takes them")
    func strays() throws {
        var options = VsockOptions()
        options.pendingResetLimit = 8
        let rig = try Rig(options)
        rig.guest.answers = false
        rig.guest.refills = false
        // 64 buffers are with the device: it has them filled, then 8 RSTs wait, and then nothing more is read.
        for _ in 0..<64 { try rig.guest.send(rig.guest.header(.data, port: 1, hostPort: 2)) }
        try rig.guest.run()
        #expect(rig.guest.packets.count == 64)
        for _ in 0..<40 { try rig.guest.send(rig.guest.header(.data, port: 1, hostPort: 2)) }
        try rig.guest.run()
        #expect(rig.guest.packets.count == 64)
        #expect(rig.guest.transmitQueue.freeCount < 64)
        rig.guest.refills = true
        try rig.guest.refill(64)
        rig.guest.notify(0)
        try rig.guest.run()
        #expect(rig.guest.packets.count == 104)
    }

    @Test("connections that a guest opens and ends for ever without taking a packet leave nothing behind")
    func neverTakes() throws {
        let rig = try Rig()
        rig.guest.refills = false
        rig.guest.answers = false
        try rig.guest.restart()
        for round in 0..<3000 as Range<UInt32> {
            let socket = try rig.guest.connect(toHostPort: 52, from: 1000 + round)
            try rig.guest.reset(socket)
            rig.backend.removeAccepted()
        }
        #expect(rig.device.connectionCount == 0)
        #expect(rig.device.waitingCount < 200)
    }

    @Test("programs that try again and again at a guest that takes nothing leave nothing behind")
    func neverAsked() throws {
        var options = VsockOptions()
        options.requestTimeout = .milliseconds(1)
        let rig = try Rig(options)
        rig.guest.refills = false
        try rig.guest.restart()
        for _ in 0..<40 {
            for _ in 0..<10 { try rig.backend.connect().send("CONNECT 7\n") }
            #expect(try rig.guest.run { rig.device.connectionCount == 0 })
        }
        #expect(rig.device.waitingCount < 200)
    }

    @Test(
        "programs that say nothing do not keep those out that do: the longest silent one goes", arguments: [50, 1023])
    func silentPrograms(limit: Int) throws {
        var options = VsockOptions()
        options.connectionLimit = limit
        let rig = try Rig(options)
        rig.guest.listening = [7]
        let silent = try (0..<1100).map { _ in try rig.backend.connect() }
        while rig.guest.loop.runOnce() {}
        let honest = try rig.backend.connect()
        try honest.send("CONNECT 7\n")
        try rig.guest.run()
        #expect(try honest.receive()?.starts(with: "OK ".utf8) == true)
        #expect(rig.device.connectionCount <= min(limit, 129))
        #expect(try silent.first?.receive() == nil)
        #expect(try silent.last?.receive() == [])
    }

    @Test("what is kept for all connections together is bounded; each still gets enough to go on")
    func totalBuffer() throws {
        var options = VsockOptions()
        options.connectionLimit = 200
        options.bufferByteCount = 1 << 20
        options.bufferTotalByteCountMax = 16 << 20
        let rig = try Rig(options)
        let sockets = try (0..<200).map { try rig.guest.connect(toHostPort: 1000 + UInt32($0)) }
        try rig.guest.run()
        let promised = sockets.map(\.credit)
        #expect(promised.first == 1 << 20)
        #expect(promised.allSatisfy { $0 >= 4096 })
        #expect(promised.reduce(0, +) <= (16 << 20) + 200 * 4096)
        for socket in sockets { try rig.guest.close(socket) }
        try rig.guest.run()
        let late = try rig.guest.connect(toHostPort: 9)
        try rig.guest.run()
        #expect(late.credit == 1 << 20)
    }

    @Test("more arrives than the guest drains: when it drains again, everything goes on (CVE-2020-16843)")
    func receiveStarves() throws {
        let rig = try Rig()
        rig.guest.bufferByteCount = 1 << 20
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        let program = try #require(rig.backend.accepted.first?.program)
        rig.guest.refills = false
        var sent = 0
        while true {
            let count = try program.send(pattern(sent..<(sent + 65536)))
            if count == 0 { break }
            sent += count
            try rig.guest.run()
        }
        // Watching nothing it cannot serve: no spin.
        #expect(!rig.guest.loop.runOnce())
        rig.guest.refills = true
        try rig.guest.refill(64)
        rig.guest.notify(0)
        var received: [UInt8] = []
        let isDone = try rig.guest.run {
            received += try rig.guest.read(socket)
            return received.count == sent
        }
        #expect(isDone && received == pattern(0..<sent))
    }
}
