// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil
import VirtioQueue
import Vsock
import VsockTestSupport

/// How a program of the host opens a connection of packets. What such a connection carries is in the suites that run on
/// both openers' ones.
@Suite struct PacketOpeningTests {
    /// A guest that listens on port 7, and a device whose sockets are files.
    struct Files {
        let directory: Directory
        let backend: UnixSocketBackend
        let device: VsockDevice
        let guest: GuestPeer

        init(_ options: VsockOptions = VsockOptions()) throws {
            directory = try Directory()
            backend = try UnixSocketBackend(path: directory.path + "/v", packetPath: directory.path + "/p")
            device = VsockDevice(guestCID: try #require(GuestCID(3)), backend: backend, options: options)
            guest = try GuestPeer(device)
            guest.listening = [7]
        }

        func program() throws -> HostProgram {
            try HostProgram(packets: UnixSocket.connect(try #require(backend.packetPath), .sequencedPacket))
        }
    }

    @Test(
        "the first message is the line, with its newline or without; the answer is one, and messages stay whole",
        arguments: ["CONNECT 7\n", "CONNECT 7", "connect\t7\r\n"])
    func opens(line: String) throws {
        let files = try Files()
        let program = try files.program()
        try program.send(line)
        try files.guest.run()
        #expect(program.receiveMessage() == .message(Array("OK 1073741824\n".utf8)))
        let socket = try #require(files.guest.incoming.first)
        #expect(socket.type == .sequencedPacket && files.device.counters.opened == 1)
        for message in [[1], [], [2, 3]] as [[UInt8]] {
            #expect(try program.send(message: message))
            _ = try files.guest.send(message: message, on: socket)
        }
        try files.guest.run()
        for message in [[1], [], [2, 3]] as [[UInt8]] {
            #expect(try files.guest.readMessage(socket)?.bytes == message)
            #expect(program.receiveMessage() == .message(message))
        }
    }

    @Test(
        "messages behind the line, an empty one too, and closed before the guest answered: all of them arrive, and the end"
    )
    func pipelined() throws {
        let files = try Files()
        let program = try files.program()
        try program.send("CONNECT 7")
        for message in [[], [1, 2], [], pattern(0..<9000), []] as [[UInt8]] {
            #expect(try program.send(message: message))
        }
        program.close()
        try files.guest.run()
        let socket = try #require(files.guest.incoming.first)
        #expect(socket.messages.map(\.bytes) == [[], [1, 2], [], pattern(0..<9000), []] && socket.isAtEnd)
        while try files.guest.readMessage(socket) != nil {}
        try files.guest.run()
        #expect(files.device.connectionCount == 0)
    }

    @Test(
        "what is no line, or not all of it in one message, is dropped at once",
        arguments: [
            "", "\n", "CONN", "CONNECT", "CONNECT 7\nhello", "CONNECT 7\nCONNECT 7\n",
            String(repeating: " ", count: 33),
        ])
    func strangers(line: String) throws {
        let files = try Files()
        let program = try files.program()
        #expect(try program.send(message: Array(line.utf8)))
        #expect(try program.send(message: Array("ECT 7".utf8)))
        try files.guest.run()
        #expect(program.receiveMessage() == .end)
        #expect(files.device.connectionCount == 0 && files.guest.packets.isEmpty)
        #expect(files.device.counters.refused == 1)
    }

    @Test("a line of 32 bytes is one, its newline or its end included")
    func longestLine() throws {
        let files = try Files()
        let programs = try [files.program(), files.program()]
        try programs[0].send("CONNECT" + String(repeating: " ", count: 24) + "7")
        try programs[1].send("CONNECT" + String(repeating: " ", count: 23) + "7\n")
        try files.guest.run()
        #expect(files.guest.incoming.count == 2)
    }

    @Test(
        "nobody listens in the guest, or nobody answers in time: an end without a word, also with messages on their way"
    )
    func refused() throws {
        var options = VsockOptions()
        options.requestTimeout = .milliseconds(20)
        let files = try Files(options)
        let program = try files.program()
        try program.send("CONNECT 8")
        try files.guest.run()
        #expect(program.receiveMessage() == .end)
        files.guest.answers = false
        let patient = try files.program()
        try patient.send("CONNECT 7")
        #expect(try files.guest.run { patient.receiveMessage() == .end })
        #expect(files.device.connectionCount == 0 && files.device.counters.refused == 2)
        #expect(files.guest.packets.allSatisfy { $0.header.type == .sequencedPacket })
    }

    @Test(
        "a guest that answers as if it were a stream: the connection ends for both, by an RST of the type that it means"
    )
    func answeredAsStream() throws {
        let rig = try Rig()
        rig.guest.answers = false
        let program = try rig.backend.connect(.sequencedPacket)
        try program.send("CONNECT 7")
        try rig.guest.run()
        let request = try #require(rig.guest.packets.last?.header)
        #expect(request.operation == .request && request.type == .sequencedPacket && request.destinationPort == 7)
        try rig.guest.send(rig.guest.header(.response, port: 7, hostPort: request.sourcePort))
        try rig.guest.run()
        #expect(program.receiveMessage() == .end)
        #expect(rig.guest.packets.last?.header.operation == .reset && rig.guest.packets.last?.header.type == .stream)
        #expect(rig.device.connectionCount == 0 && rig.device.counters.violations == 1)
    }

    @Test("a guest without packets: the program is told in words, however much it has said behind the line")
    func notNegotiated() throws {
        let directory = try Directory()
        let backend = try UnixSocketBackend(path: directory.path + "/v", packetPath: directory.path + "/p")
        let device = VsockDevice(guestCID: try #require(GuestCID(3)), backend: backend)
        let guest = try GuestPeer(device, features: [.version1, .indirectDescriptors, .eventIndex])
        guest.listening = [7]
        let program = try HostProgram(packets: UnixSocket.connect(directory.path + "/p", .sequencedPacket))
        try program.send("CONNECT 7")
        for _ in 0..<20 { #expect(try program.send(message: [1, 2, 3])) }
        try guest.run()
        #expect(program.receiveMessage() == .message(Array("NO SOCK_SEQPACKET\n".utf8)))
        #expect(program.receiveMessage() == .end)
        #expect(guest.packets.isEmpty && device.connectionCount == 0 && device.counters.refused == 1)
    }

    @Test("programs that say nothing go, the longest silent ones first, whichever socket they came to")
    func silent() throws {
        let rig = try Rig()
        rig.guest.listening = [7]
        let silent = try (0..<200).map { try rig.backend.connect($0 & 1 == 0 ? .stream : .sequencedPacket) }
        try rig.guest.run()
        #expect(rig.device.connectionCount == 128 && rig.device.counters.refused == 72)
        let honest = try rig.backend.connect(.sequencedPacket)
        try honest.send("CONNECT 7")
        try rig.guest.run()
        #expect(honest.receiveMessage() == .message(Array("OK 1073741824\n".utf8)))
        #expect(silent.last?.receiveMessage() == .nothing)
    }

    @Test("a program that says nothing in time is dropped")
    func lineTimeout() throws {
        var options = VsockOptions()
        options.lineTimeout = .milliseconds(20)
        let files = try Files(options)
        let program = try files.program()
        #expect(try files.guest.run { program.receiveMessage() == .end })
        #expect(files.device.connectionCount == 0)
    }

    @Test("programs wait in the backlog while the device is paused, and after a restore get to the new one")
    func paused() throws {
        let rig = try Rig()
        rig.guest.listening = [7]
        rig.device.pause()
        let early = try rig.backend.connect(.sequencedPacket)
        try early.send("CONNECT 7")
        try rig.guest.run()
        #expect(early.receiveMessage() == .nothing && rig.guest.packets.isEmpty)
        let next = VsockDevice(guestCID: rig.device.guestCID, backend: rig.backend)
        let state = rig.device.save()
        rig.device.reset()
        try rig.guest.move(to: next, restoring: state)
        try rig.guest.run()
        #expect(early.receiveMessage() == .message(Array("OK 1073741824\n".utf8)))
    }

    @Test("a transport reset while a program waits for the guest's answer: the program reads an end")
    func transportReset() throws {
        let rig = try Rig()
        rig.guest.answers = false
        let program = try rig.backend.connect(.sequencedPacket)
        try program.send("CONNECT 7")
        try rig.guest.run()
        rig.device.resetTransport()
        #expect(program.receiveMessage() == .end)
        #expect(rig.device.connectionCount == 0)
    }

    @Test("both files are their owner's alone, whatever the umask, and go with the backend")
    func files() throws {
        let directory = try Directory()
        let paths = ["/v", "/p"].map { directory.path + $0 }
        do {
            let backend = try UnixSocketBackend(path: paths[0], packetPath: paths[1])
            #expect(backend.packetPath == paths[1])
            for path in paths {
                var status = stat()
                #expect(stat(path, &status) == 0 && status.st_mode & 0o777 == 0o600)
            }
        }
        for path in paths { #expect(access(path, F_OK) != 0) }
    }

    @Test("a path for packets that exists, is too long or empty is an error that names it, and leaves no file")
    func badPaths() throws {
        let directory = try Directory()
        let path = directory.path + "/v"
        let long = String(repeating: "x", count: 108)
        for (packetPath, error) in [
            (path, .addressInUse), (directory.path, .addressInUse), (long, .nameTooLong), ("", .invalidArgument),
        ] as [(String, Errno)] {
            #expect(throws: UnixSocketError.listen(packetPath, error)) {
                _ = try UnixSocketBackend(path: path, packetPath: packetPath)
            }
            #expect(access(path, F_OK) != 0)
        }
    }

    @Test("sockets that listen already are taken over, and their files left alone")
    func takenOver() throws {
        let directory = try Directory()
        let paths = ["/v", "/p"].map { directory.path + $0 }
        do {
            let backend = try UnixSocketBackend(
                listening: UnixSocket.listen(paths[0]), packets: UnixSocket.listen(paths[1], .sequencedPacket),
                path: paths[0])
            let program = try UnixSocket.connect(paths[1], .sequencedPacket)
            _ = try backend.accept(.sequencedPacket)
            #expect(throws: Errno.wouldBlock) { _ = try backend.accept(.sequencedPacket) }
            #expect(throws: Errno.wouldBlock) { _ = try backend.accept(.stream) }
            _ = program.rawValue
        }
        for path in paths { #expect(access(path, F_OK) == 0) }
    }

    @Test("without a path for packets nobody can open a connection of them")
    func noPath() throws {
        let directory = try Directory()
        let backend = try UnixSocketBackend(path: directory.path + "/v")
        backend.withListener(.sequencedPacket) { _ in Issue.record("a listener for packets") }
        #expect(throws: Errno.badFileDescriptor) { _ = try backend.accept(.sequencedPacket) }
        #expect(throws: Errno.wrongProtocolType) {
            _ = try UnixSocket.connect(directory.path + "/v", .sequencedPacket)
        }
    }
}
