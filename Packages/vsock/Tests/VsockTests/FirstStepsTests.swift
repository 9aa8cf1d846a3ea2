// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import Vsock
import VsockTestSupport

@Suite struct FirstStepsTests {
    @Test("the guest opens a connection, and both sides talk and close")
    func guestOpens() throws {
        let rig = try Rig()
        let socket = try rig.guest.connect(toHostPort: 52)
        try rig.guest.run()
        #expect(socket.phase == .established)
        let program = try #require(rig.backend.accepted.first?.program)
        try rig.guest.send(Array("hello".utf8), on: socket)
        #expect(try program.receive() == Array("hello".utf8))
        try program.send("world")
        try rig.guest.run()
        #expect(try rig.guest.read(socket) == Array("world".utf8))
        try rig.guest.close(socket)
        try rig.guest.run()
        #expect(socket.phase == .closed)
        #expect(try program.receive() == nil)
        #expect(rig.device.connectionCount == 0)
    }

    @Test("the host opens a connection by a CONNECT line and learns its port")
    func hostOpens() throws {
        let rig = try Rig()
        rig.guest.listening = [1024]
        let program = try rig.backend.connect()
        try program.send("CONNECT 1024\n")
        try rig.guest.run()
        #expect(try program.receive() == Array("OK 1073741824\n".utf8))
        let socket = try #require(rig.guest.incoming.first)
        try program.send("ping")
        try rig.guest.run()
        #expect(try rig.guest.read(socket) == Array("ping".utf8))
        program.close()
        try rig.guest.run()
        #expect(socket.phase == .closed)
        #expect(rig.device.connectionCount == 0)
    }
}
