// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import Vsock
import VsockTestSupport

@Suite(.bothRings) struct ClosingTests {
    /// An open connection and its program.
    static func open(_ options: VsockOptions = VsockOptions()) throws -> (Rig, GuestSocket, HostProgram) {
        let rig = try Rig(options)
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        return (rig, socket, try #require(rig.backend.accepted.first?.program))
    }

    @Test("the host ends its half: the guest reads all and the end, and may go on sending")
    func hostHalf() throws {
        let (rig, socket, program) = try Self.open()
        try program.send(pattern(0..<10_000))
        program.endSending()
        try rig.guest.run()
        #expect(socket.isAtEnd && socket.hostShutdown == .noMoreSending)
        #expect(try rig.guest.read(socket) == pattern(0..<10_000))
        try rig.guest.send([7], on: socket)
        #expect(try program.receive() == [7])
        try rig.guest.close(socket)
        try rig.guest.run()
        #expect(try program.receive() == nil)
        #expect(socket.phase == .closed && rig.device.connectionCount == 0)
    }

    @Test("the guest ends its half: the host reads all and the end, and may go on sending")
    func guestHalf() throws {
        let (rig, socket, program) = try Self.open()
        try rig.guest.send([1, 2], on: socket)
        try rig.guest.shutDown(socket, .noMoreSending)
        try rig.guest.run()
        #expect(try program.receive() == [1, 2])
        #expect(try program.receive() == nil)
        try program.send("still")
        try rig.guest.run()
        #expect(try rig.guest.read(socket) == Array("still".utf8))
        program.close()
        try rig.guest.run()
        #expect(socket.phase == .closed && rig.device.connectionCount == 0)
    }

    @Test("the guest receives no more: the host's writes fail, and it may go on reading")
    func guestDeaf() throws {
        let (rig, socket, program) = try Self.open()
        try rig.guest.shutDown(socket, .noMoreReceiving)
        try rig.guest.run()
        #expect(throws: Errno.brokenPipe) { try program.send("x") }
        try rig.guest.send([5], on: socket)
        #expect(try program.receive() == [5])
        program.close()
        try rig.guest.run()
        #expect(rig.device.connectionCount == 0)
    }

    @Test("the host receives no more: the guest is told, and the host may go on sending")
    func hostDeaf() throws {
        let (rig, socket, program) = try Self.open()
        program.endReceiving()
        try rig.guest.send([5], on: socket)
        try rig.guest.run()
        #expect(socket.hostShutdown == .noMoreReceiving)
        try program.send("on")
        try rig.guest.run()
        #expect(try rig.guest.read(socket) == Array("on".utf8))
    }

    @Test("the host writes and closes at once: the guest gets every byte before the end")
    func writeAndClose() throws {
        let rig = try Rig()
        rig.guest.bufferByteCount = 3000
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        let program = try #require(rig.backend.accepted.first?.program)
        #expect(try program.send(pattern(0..<50_000)) == 50_000)
        program.close()
        var received: [UInt8] = []
        for _ in 0..<1000 where !socket.isAtEnd {
            try rig.guest.run()
            received += try rig.guest.read(socket, 700)
        }
        received += try rig.guest.read(socket)
        #expect(received == pattern(0..<50_000))
        try rig.guest.run()
        #expect(rig.device.connectionCount == 0)
    }

    @Test("the guest writes and closes at once: a slow host gets every byte, while the guest's port is free")
    func guestWritesAndCloses() throws {
        let (rig, socket, program) = try Self.open()
        var sent = 0
        while true {
            let count = try rig.guest.send(pattern(sent..<(sent + 40_000)), on: socket)
            sent += count
            try rig.guest.run()
            if count == 0 { break }
        }
        try rig.guest.close(socket)
        try rig.guest.run()
        #expect(socket.phase == .closed && rig.device.connectionCount == 1)
        // The same pair of ports at once.
        let next = try rig.guest.connect(toHostPort: 52, from: socket.port)
        try rig.guest.run()
        #expect(next.phase == .established)
        var received: [UInt8] = []
        var hasEnded = false
        let isDone = try rig.guest.run {
            while !hasEnded {
                guard let bytes = try program.receive() else {
                    hasEnded = true
                    break
                }
                if bytes.isEmpty { break }
                received += bytes
            }
            return hasEnded
        }
        #expect(isDone && received == pattern(0..<sent))
        #expect(rig.device.connectionCount == 1)
    }

    @Test("a guest that resets its device right after its last write has said all of it")
    func resetAfterWrite() throws {
        let (rig, socket, program) = try Self.open()
        let header = rig.guest.header(.data, port: socket.port, hostPort: 52, payloadByteCount: 4)
        try rig.guest.put(header, Array("last".utf8))
        rig.device.reset()
        #expect(try program.receive() == Array("last".utf8))
        #expect(try program.receive() == nil)
        #expect(rig.device.connectionCount == 0 && rig.guest.loop.watchCount == 0)
    }

    @Test("a host that is gone waits for the guest to read, then a little longer, and no more")
    func shutdownTimeout() throws {
        var options = VsockOptions()
        options.shutdownTimeout = .milliseconds(20)
        let (rig, socket, program) = try Self.open(options)
        try program.send("unread")
        program.close()
        // A guest whose program neither reads nor closes: bytes unread, no RST.
        try rig.guest.run()
        #expect(socket.hostShutdown == .noMoreAtAll && socket.phase == .established)
        let isGivenUp = try rig.guest.run {
            rig.guest.packets.filter { $0.header.operation == .creditRequest }.count >= 2
        }
        #expect(isGivenUp && socket.phase == .established && socket.unread == Array("unread".utf8))
        // It reads, says so, and does not close.
        socket.hostShutdown = .noMoreSending
        #expect(try rig.guest.read(socket) == Array("unread".utf8))
        #expect(try rig.guest.run { socket.phase == .closed })
        #expect(rig.device.connectionCount == 0)
    }

    @Test("RST of the guest ends the host's stream after what was sent")
    func guestResets() throws {
        let (rig, socket, program) = try Self.open()
        try rig.guest.send([9], on: socket)
        try rig.guest.reset(socket)
        #expect(try program.receive() == [9])
        #expect(try program.receive() == nil)
        #expect(rig.device.connectionCount == 0)
    }

    @Test("nothing spins on a connection that is half closed")
    func noSpin() throws {
        let (rig, socket, program) = try Self.open()
        program.endSending()
        try rig.guest.run()
        #expect(!rig.guest.loop.runOnce())
        try rig.guest.shutDown(socket, .noMoreReceiving)
        try rig.guest.run()
        #expect(!rig.guest.loop.runOnce())
    }
}
