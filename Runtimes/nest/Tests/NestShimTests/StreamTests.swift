// SPDX-License-Identifier: Apache-2.0
import Glibc
import NestModel
import NestProtocols
import TTRPC
import Testing
import VMMSysUtil

@testable import NestShim

@Suite("Standard streams")
struct StreamTests {
    private func fifo(_ path: String) throws -> String {
        guard mkfifo(path, 0o600) == 0 else { throw Errno.last }
        return path
    }

    private func paths(_ shim: ShimUnderTest) throws -> TaskCreateTaskRequest {
        var request = shim.createRequest()
        request.stdin = try fifo("\(shim.directory)/in")
        request.stdout = try fifo("\(shim.directory)/out")
        request.stderr = try fifo("\(shim.directory)/err")
        return request
    }

    private func guestStream(_ shim: ShimUnderTest, _ port: (AgentCreateContainerRequest) -> UInt32) throws
        -> FileDescriptor
    {
        let request = try #require(shim.guest.state.withLock { $0.created })
        let number = shim.guest.stream(port(request))?.release()
        return FileDescriptor(owning: try #require(number))
    }

    @Test("output arrives whole, and its end when the guest's stream ends, however much there is")
    func output() throws {
        let shim = try ShimUnderTest()
        let request = try paths(shim)
        let reader = try FileDescriptor.open(request.stdout, [.readOnly, .nonBlocking])
        try reader.setNonBlocking(false)
        _ = try shim.call("Create", request)
        let guest = try guestStream(shim) { $0.stdoutPort }
        let data = (0..<3_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ $0 >> 9) }
        let number = guest.release()
        _ = try Thread(name: "guest") {
            let guest = FileDescriptor(owning: number)
            try? Files.write(data, to: guest)
        }
        #expect(try reader.readToEnd(limit: 1 << 22) == data)
    }

    @Test("the end of a process is told when its reader has the last byte, or is slow")
    func endAfterOutput() throws {
        let shim = try ShimUnderTest()
        let request = try paths(shim)
        let reader = try FileDescriptor.open(request.stdout, [.readOnly, .nonBlocking])
        try reader.setNonBlocking(false)
        _ = try shim.call("Create", request)
        do {
            // Nothing comes by the other one.
            _ = try guestStream(shim) { $0.stderrPort }
            try Files.write([UInt8](repeating: 1, count: 50_000), to: try guestStream(shim) { $0.stdoutPort })
        }
        try shim.start()
        let begin = Deadline.now
        let isRead = Monitor(false)
        let number = reader.release()
        _ = try Thread(name: "reader") {
            Thread.sleep(for: .milliseconds(200))
            var bytes = [UInt8](repeating: 0, count: 50_000)
            var count = 0
            while count < bytes.count {
                let got = read(number, &bytes, bytes.count)
                if got <= 0 { break }
                count += got
            }
            isRead.update { $0 = count == 50_000 }
        }
        defer { close(number) }
        shim.guest.end("c1", 3)
        #expect(try shim.wait() == 3)
        #expect(isRead.wait(timeout: .seconds(5)) { $0 ? true : nil } == true)
        #expect(begin.elapsed >= .milliseconds(200))
        #expect(begin.elapsed < .seconds(3))
    }

    @Test("input ends behind its last byte at CloseIO, though a client still has the FIFO open")
    func input() throws {
        let shim = try ShimUnderTest()
        let request = try paths(shim)
        _ = try shim.call("Create", request)
        let guest = try guestStream(shim) { $0.stdinPort }
        let writer = try FileDescriptor.open(request.stdin, .writeOnly)
        for word in ["one ", "two "] {
            // Another client comes and goes meanwhile.
            let other = try FileDescriptor.open(request.stdin, .writeOnly)
            try Files.write(Array(word.utf8), to: other)
        }
        var event = pollfd(fd: guest.rawValue, events: Int16(POLLIN), revents: 0)
        #expect(poll(&event, 1, 5000) == 1)
        try Files.write(Array("three".utf8), to: writer)
        var close = TaskCloseIORequest()
        close.id = "c1"
        close.stdin = true
        _ = try shim.call("CloseIO", close)
        #expect(String(decoding: try guest.readToEnd(limit: 1 << 22), as: UTF8.self) == "one two three")
    }

    @Test("input waits for its first client, and ends when the last has closed it")
    func inputLeft() throws {
        let shim = try ShimUnderTest()
        let request = try paths(shim)
        _ = try shim.call("Create", request)
        let guest = try guestStream(shim) { $0.stdinPort }
        var event = pollfd(fd: guest.rawValue, events: Int16(POLLIN), revents: 0)
        #expect(poll(&event, 1, 200) == 0, "nobody has come, and nobody has gone")
        do {
            let writer = try FileDescriptor.open(request.stdin, .writeOnly)
            try Files.write(Array("all".utf8), to: writer)
        }
        #expect(String(decoding: try guest.readToEnd(limit: 1 << 22), as: UTF8.self) == "all")
    }

    @Test("a reader that is gone holds up nobody for ever: Delete gives the rest up")
    func reader() throws {
        let shim = try ShimUnderTest()
        var request = shim.createRequest()
        request.stdout = try fifo("\(shim.directory)/out")
        _ = try shim.call("Create", request)
        let guest = try guestStream(shim) { $0.stdoutPort }
        try guest.setNonBlocking()
        let block = [UInt8](repeating: 1, count: 65536)
        while block.withUnsafeBytes({ write(guest.rawValue, $0.baseAddress, $0.count) }) > 0 {}
        shim.guest.end("c1", 0)
        #expect(try shim.wait() == 0)
        let begin = ContinuousClock().now
        _ = try shim.delete()
        #expect(ContinuousClock().now - begin < .seconds(15))
    }

    @Test("a file is made with the directories above it and appended to by both outputs")
    func file() throws {
        let shim = try ShimUnderTest()
        var request = shim.createRequest()
        request.stdout = "file://\(shim.directory)/logs/of/c1"
        request.stderr = request.stdout
        _ = try shim.call("Create", request)
        do {
            let out = try guestStream(shim) { $0.stdoutPort }
            try Files.write(Array("out".utf8), to: out)
        }
        do {
            let errors = try guestStream(shim) { $0.stderrPort }
            try Files.write(Array("err".utf8), to: errors)
        }
        shim.guest.end("c1", 0)
        _ = try shim.wait()
        _ = try shim.delete()
        let text = try Files.read("\(shim.directory)/logs/of/c1")
        #expect(Set([text]).isSubset(of: [Array("outerr".utf8), Array("errout".utf8)]))
    }

    @Test("a logging program gets both outputs, its arguments and its environment")
    func logger() throws {
        let shim = try ShimUnderTest()
        let program = "\(shim.directory)/logger"
        try Files.writeAtomically(
            "#!/bin/sh\nexec 5>&-\ncat <&3 > \(shim.directory)/seen\necho \"$CONTAINER_ID $CONTAINER_NAMESPACE $*\" >> \(shim.directory)/seen\n",
            to: program)
        chmod(program, 0o700)
        var request = shim.createRequest()
        request.stdout = "binary://\(program)?key=a%20b"
        request.stderr = request.stdout
        _ = try shim.call("Create", request)
        do {
            let out = try guestStream(shim) { $0.stdoutPort }
            try Files.write(Array("text\n".utf8), to: out)
        }
        do { _ = try guestStream(shim) { $0.stderrPort } }
        shim.guest.end("c1", 0)
        _ = try shim.wait()
        _ = try shim.delete()
        #expect(Files.text("\(shim.directory)/seen") == "text\nc1 n key a b")
    }

    @Test("an unknown scheme, or a path that is not there, fails in one line")
    func mistakes() throws {
        let shim = try ShimUnderTest()
        var request = shim.createRequest()
        for path in ["smoke://x/y", "/nowhere/fifo", "file://relative"] {
            request.stdout = path
            #expect(shim.status("Create", request) == .unknown)
        }
    }
}
