// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil
import Vsock
import VsockTestSupport

/// A directory that goes with everything in it.
final class Directory {
    let path: String

    init() throws {
        var template = Array("/tmp/vsock-XXXXXX".utf8CString)
        path = try #require(mkdtemp(&template).map { String(cString: $0) })
    }

    deinit {
        for name in ["v", "v_52", "v_53", "p"] { unlink("\(path)/\(name)") }
        rmdir(path)
    }
}

@Suite struct UnixSocketBackendTests {
    func rig(_ directory: Directory) throws -> GuestPeer {
        let backend = try UnixSocketBackend(path: directory.path + "/v")
        return try GuestPeer(VsockDevice(guestCID: try #require(GuestCID(3)), backend: backend))
    }

    @Test("a program connects to the path, says CONNECT and talks")
    func hostOpens() throws {
        let directory = try Directory()
        let guest = try rig(directory)
        guest.listening = [1024]
        let program = try HostProgram(path: directory.path + "/v")
        try program.send("CONNECT 1024\n")
        try guest.run()
        #expect(try program.receive() == Array("OK 1073741824\n".utf8))
        try guest.send([1, 2], on: try #require(guest.incoming.first))
        #expect(try program.receive() == [1, 2])
    }

    @Test("a guest's connection to port P goes to path_P; nobody there is an RST")
    func guestOpens() throws {
        let directory = try Directory()
        let guest = try rig(directory)
        let listener = try UnixSocketBackend(path: directory.path + "/v_52")
        let socket = try guest.connect(toHostPort: 52)
        let nobody = try guest.connect(toHostPort: 53)
        try guest.run()
        #expect(socket.phase == .established && nobody.phase == .closed)
        let program = HostProgram(try listener.accept())
        try program.send("hi")
        try guest.run()
        #expect(try guest.read(socket) == Array("hi".utf8))
    }

    @Test("streams go to a program that takes streams, packets to one that takes packets, and else there is an RST")
    func types() throws {
        let directory = try Directory()
        let guest = try rig(directory)
        let packets = try UnixSocket.listen(
            directory.path + "/v_52", .sequencedPacket, backlog: 1, isBlocking: false)
        let streams = try UnixSocketBackend(path: directory.path + "/v_53")
        let sockets = try [(52, .sequencedPacket), (52, .stream), (53, .sequencedPacket), (53, .stream)].map {
            try guest.connect(toHostPort: $0, type: $1)
        }
        try guest.run()
        #expect(sockets.map { $0.phase == .established } == [true, false, false, true])
        #expect(sockets.map { $0.phase == .closed } == [false, true, true, false])
        let program = try HostProgram(packets: UnixSocketBackend(listening: packets, path: "/none").accept())
        #expect(try guest.send(message: [1, 2], on: sockets[0]) == 2)
        #expect(try guest.send(message: [3], on: sockets[0]) == 1)
        #expect(program.receiveMessage() == .message([1, 2]) && program.receiveMessage() == .message([3]))
        try program.send([4])
        try guest.run()
        #expect(try guest.readMessage(sockets[0])?.bytes == [4])
        #expect(throws: Errno.wouldBlock) {
            _ = try streams.accept()
            _ = try streams.accept()
        }
    }

    @Test("a program with a full backlog gets the guest's connections when it comes to them")
    func fullBacklog() throws {
        let directory = try Directory()
        let guest = try rig(directory)
        let listener = try UnixSocketBackend(path: directory.path + "/v_52", backlog: 0)
        var sockets: [GuestSocket] = []
        for _ in 0..<5 { sockets.append(try guest.connect(toHostPort: 52)) }
        try guest.run()
        #expect(sockets.contains { $0.phase == .connecting })
        var programs: [HostProgram] = []
        let isDone = try guest.run {
            while let program = try? listener.accept() { programs.append(HostProgram(program)) }
            return sockets.allSatisfy { $0.phase == .established }
        }
        #expect(isDone && programs.count == 5)
    }

    @Test("the socket's file goes with the backend, unless it is somebody else's by then")
    func file() throws {
        let directory = try Directory()
        let path = directory.path + "/v"
        do {
            let backend = try UnixSocketBackend(path: path)
            #expect(access(backend.path, F_OK) == 0)
        }
        #expect(access(path, F_OK) != 0)
        var other: UnixSocketBackend?
        do {
            let backend = try UnixSocketBackend(path: path)
            unlink(backend.path)
            other = try UnixSocketBackend(path: path)
        }
        #expect(access(path, F_OK) == 0)
        other = nil
        #expect(access(path, F_OK) != 0 && other == nil)
    }

    @Test("a path that exists, is too long or empty is an error that names it")
    func badPaths() throws {
        let directory = try Directory()
        let path = directory.path + "/v"
        let first = try UnixSocketBackend(path: path)
        #expect(throws: UnixSocketError.listen(path, .addressInUse)) { _ = try UnixSocketBackend(path: path) }
        let long = String(repeating: "x", count: 97)
        #expect(throws: UnixSocketError.path(long)) { _ = try UnixSocketBackend(path: long) }
        #expect(throws: UnixSocketError.path("")) { _ = try UnixSocketBackend(path: "") }
        #expect(throws: UnixSocketError.path("a\0b")) { _ = try UnixSocketBackend(path: "a\0b") }
        #expect(first.path == path)
    }
}
