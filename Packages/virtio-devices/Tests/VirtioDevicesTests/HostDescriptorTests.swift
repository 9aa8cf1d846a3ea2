// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel

@Suite struct HostDescriptorTests {
    @Test("a pipe or a character device that others share keeps its flags")
    func keepsFlags() throws {
        let pipe = try Pipe()
        _ = try HostDescriptor(adopting: pipe.readEnd.duplicate(), for: .input)
        _ = try HostDescriptor(adopting: pipe.writeEnd.duplicate(), for: .output)
        let flags = [try pipe.readEnd.isNonBlocking(), try pipe.writeEnd.isNonBlocking()]
        #expect(flags == [false, false])
        let null = try FileDescriptor.open("/dev/null", .readWrite)
        _ = try HostDescriptor(adopting: null.duplicate(), for: .output)
        let isChanged = try null.isNonBlocking()
        #expect(!isChanged)
    }

    @Test("a socket and the master of a pseudo-terminal stay what they are")
    func socketAndMaster() throws {
        let pair = try SocketPair()
        let port = ConsolePort(
            input: try HostDescriptor(adopting: pair.first.duplicate(), for: .input),
            output: try HostDescriptor(adopting: pair.first.duplicate(), for: .output))
        let rig = try ConsoleRig([port])
        try rig.openPort(0)
        try rig.send([1, 2], port: 0)
        #expect(End(try pair.second.duplicate()).readAll() == [1, 2])

        let master = open("/dev/ptmx", O_RDWR | O_NOCTTY)
        try #require(master >= 0)
        let owned = FileDescriptor(owning: master)
        // TIOCSPTLCK 0 unlocks the other side, TIOCGPTN tells its number.
        var number: CInt = 0
        try #require(ioctl(master, 0x4004_5431, &number) == 0 && ioctl(master, 0x8004_5430, &number) == 0)
        let slave = try FileDescriptor.open("/dev/pts/\(number)", [.readWrite, .noControllingTerminal])
        let terminal = try ConsoleRig([
            ConsolePort(input: nil, output: try HostDescriptor(adopting: owned, for: .output))
        ])
        try terminal.openPort(0)
        try terminal.send(Array("ok\n".utf8), port: 0)
        #expect(End(slave).readAll() == Array("ok\n".utf8))
    }

    @Test("a descriptor that is not open is an error")
    func badDescriptor() throws {
        #expect(throws: Errno.badFileDescriptor) {
            _ = try HostDescriptor(adopting: FileDescriptor(owning: 987_654), for: .input)
        }
    }
}
