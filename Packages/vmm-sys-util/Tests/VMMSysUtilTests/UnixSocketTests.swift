// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil

@Suite struct UnixSocketTests {
    private let path = "/tmp/vmm-sys-util-\(getpid())-\(Int.random(in: 0..<1 << 40))"

    @Test("what one end sends arrives at the other")
    func connects() throws {
        let listener = try UnixSocket.listen(path)
        defer { unlink(path) }
        let client = try UnixSocket.connect(path)
        let server = FileDescriptor(owning: try retryOnInterrupt { accept(listener.rawValue, nil, nil) })
        #expect(write(client.rawValue, "x", 1) == 1)
        var byte: UInt8 = 0
        #expect(read(server.rawValue, &byte, 1) == 1 && byte == UInt8(ascii: "x"))
        #expect(fcntl(client.rawValue, F_GETFD) == FD_CLOEXEC && fcntl(listener.rawValue, F_GETFD) == FD_CLOEXEC)
    }

    @Test("packets stay apart, and reach only who listens for packets")
    func packets() throws {
        let listener = try UnixSocket.listen(path, .sequencedPacket)
        defer { unlink(path) }
        #expect(throws: Errno.wrongProtocolType) { _ = try UnixSocket.connect(path) }
        let client = try UnixSocket.connect(path, .sequencedPacket)
        let server = FileDescriptor(owning: try retryOnInterrupt { accept(listener.rawValue, nil, nil) })
        #expect(write(client.rawValue, "ab", 2) == 2 && write(client.rawValue, "c", 1) == 1)
        var bytes: [UInt8] = [0, 0, 0, 0]
        #expect(read(server.rawValue, &bytes, 4) == 2 && read(server.rawValue, &bytes, 4) == 1)
    }

    @Test("only the owner may connect, whatever the umask")
    func ownerOnly() throws {
        _ = try UnixSocket.listen(path)
        defer { unlink(path) }
        var status = stat()
        #expect(lstat(path, &status) == 0 && status.st_mode & 0o7777 == 0o600)
    }

    @Test("a path in use, one where nobody listens, and one that is none are errors of their own")
    func errors() throws {
        defer { unlink(path) }
        #expect(throws: Errno.noSuchFile) { _ = try UnixSocket.connect(path) }
        do { _ = try UnixSocket.listen(path) }
        #expect(throws: Errno.addressInUse) { _ = try UnixSocket.listen(path) }
        #expect(throws: Errno.connectionRefused) { _ = try UnixSocket.connect(path) }
        #expect(throws: Errno.invalidArgument) { _ = try UnixSocket.listen("") }
        #expect(throws: Errno.invalidArgument) { _ = try UnixSocket.connect("/tmp/a\0b") }
    }

    @Test("a path of 107 bytes is taken, one of 108 is not")
    func longPaths() throws {
        let longest = "/tmp/" + String(repeating: "x", count: UnixSocket.pathByteCountMax - 5)
        defer { unlink(longest) }
        let listener = try UnixSocket.listen(longest)
        let client = try UnixSocket.connect(longest)
        #expect(client.rawValue != listener.rawValue)
        #expect(throws: Errno.nameTooLong) { _ = try UnixSocket.listen(longest + "x") }
    }

    @Test("a socket that does not block says so when the listener's queue is full")
    func fullQueue() throws {
        let listener = try UnixSocket.listen(path, backlog: 0, isBlocking: false)
        defer { unlink(path) }
        let first = try UnixSocket.connect(path, isBlocking: false)
        #expect(throws: Errno.wouldBlock) { _ = try UnixSocket.connect(path, isBlocking: false) }
        _ = (first.rawValue, listener.rawValue)
    }
}
