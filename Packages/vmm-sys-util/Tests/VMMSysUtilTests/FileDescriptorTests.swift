// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil

@Suite struct FileDescriptorTests {
    @Test("a descriptor is closed at the end of its scope")
    func closes() throws {
        let pipe = try Pipe()
        let out = pipe.readEnd
        do {
            let into = pipe.writeEnd
            try out.setNonBlocking()
            #expect(throws: Errno.wouldBlock) { try out.bytes(1) }
            _ = consume into
        }
        #expect(try out.bytes(1) == [])
    }

    @Test("a released descriptor stays open")
    func releases() throws {
        let pipe = try Pipe()
        let number = try pipe.readEnd.duplicate().release()
        #expect(isOpen(number))
        close(number)
    }

    @Test("what is opened, made or duplicated is close-on-exec")
    func closeOnExec() throws {
        let pipe = try Pipe()
        let pair = try SocketPair()
        let copy = try pipe.readEnd.duplicate()
        let file = try FileDescriptor.open("/dev/null")
        let memory = try MemFD(name: "test", byteCount: 0)
        let event = try EventFD()
        let temporary = try FileDescriptor.temporaryFile()
        let numbers = [
            pipe.readEnd.rawValue, pipe.writeEnd.rawValue, pair.first.rawValue, pair.second.rawValue, copy.rawValue,
            file.rawValue, memory.descriptor.rawValue, event.descriptor.rawValue, temporary.rawValue,
        ]
        for number in numbers { #expect(fcntl(number, F_GETFD) == FD_CLOEXEC) }
        try file.setCloseOnExec(false)
        #expect(fcntl(file.rawValue, F_GETFD) == 0)
    }

    @Test("the non-blocking flag belongs to the open file, so a duplicate shares it")
    func nonBlocking() throws {
        let pipe = try Pipe()
        let copy = try pipe.readEnd.duplicate()
        #expect(try !copy.isNonBlocking())
        try pipe.readEnd.setNonBlocking()
        #expect(try copy.isNonBlocking())
        try copy.setNonBlocking(false)
        #expect(try !pipe.readEnd.isNonBlocking())
    }

    @Test(
        "opening fails with the kernel's reason",
        arguments: [
            ("/nonexistent/file", .readOnly, .noSuchFile),
            ("/dev", .writeOnly, .isADirectory),
            ("/dev/null", .directory, .notADirectory),
            ("/proc/self/exe", .noFollow, .tooManySymbolicLinks),
            ("/dev/null\u{0}/etc/passwd", .readOnly, .invalidArgument),
            ("", .readOnly, .noSuchFile),
        ] as [(String, OpenFlags, Errno)])
    func openFails(_ path: String, _ flags: OpenFlags, _ expected: Errno) {
        #expect(throws: expected) { _ = try FileDescriptor.open(path, flags) }
    }

    @Test("a file made exclusively cannot be made again, and has the mode asked for")
    func createsExclusively() throws {
        let path = "/tmp/vmm-sys-util-test-\(getpid())-\(Thread.currentID)"
        do {
            let file = try FileDescriptor.open(path, [.writeOnly, .create, .exclusive], mode: 0o640)
            try file.writeAll([1, 2, 3])
        }
        defer { unlink(path) }
        var status = stat()
        stat(path, &status)
        #expect(status.st_mode & 0o777 == 0o640)
        #expect(throws: Errno.exists) { _ = try FileDescriptor.open(path, [.writeOnly, .create, .exclusive]) }
        let shortened = try FileDescriptor.open(path, [.readWrite, .truncate])
        #expect(try shortened.byteCount() == 0)
    }

    @Test("a temporary file is empty, writable and has no name")
    func temporaryFile() throws {
        let file = try FileDescriptor.temporaryFile()
        try file.writeAll([9])
        #expect(try file.byteCount() == 1)
        var status = stat()
        fstat(file.rawValue, &status)
        #expect(status.st_nlink == 0)
    }

    @Test("a temporary file in a directory that is not there is refused")
    func temporaryFileFails() {
        #expect(throws: Errno.noSuchFile) { _ = try FileDescriptor.temporaryFile(in: "/nonexistent") }
    }

    @Test("the kind of what is open is told")
    func kinds() throws {
        #expect(try FileDescriptor.open("/dev/null").kind() == .characterDevice)
        #expect(try FileDescriptor.open("/dev").kind() == .directory)
        #expect(try FileDescriptor.temporaryFile().kind() == .regular)
        #expect(try Pipe().readEnd.kind() == .pipe)
        #expect(try SocketPair().first.kind() == .socket)
        #expect(try EventFD().descriptor.kind() == .other)
    }

    @Test("a size that the kernel cannot hold is refused before it is asked")
    func sizes() throws {
        let file = try FileDescriptor.temporaryFile()
        try file.setByteCount(1 << 20)
        #expect(try file.byteCount() == 1 << 20)
        #expect(throws: Errno.invalidArgument) { try file.setByteCount(.max) }
        #expect(try file.byteCount() == 1 << 20)
    }

    private func isOpen(_ number: Int32) -> Bool { fcntl(number, F_GETFD) >= 0 }
}
