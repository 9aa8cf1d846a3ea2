// SPDX-License-Identifier: Apache-2.0
import Glibc
import NestProtocols
import SwiftProtobuf
import TTRPC
import Testing

@Suite(.serialized, .enabled(if: AgentProcess.isPossible, "needs root, crun and control groups v2: run it in the lab"))
struct ContainerTests {
    @Test("a container's output arrives whole, its status is its own, and nothing is left of it")
    func wholeLife() throws {
        let agent = try AgentProcess()
        let (status, output) = try agent.run("one", "echo hello; exit 7")
        #expect(status == 7)
        #expect(output == "hello\n")
        #expect(access("\(agent.directory)/containers/one", F_OK) < 0)
        #expect(access("/sys/fs/cgroup/containers/one", F_OK) < 0)
        // The name is free again.
        #expect(try agent.run("one", "busybox sh -c 'kill -9 $$'; exit $?").status == 137)
    }

    @Test("every thread but the launcher runs behind a filter, and a container's process behind none")
    func filters() throws {
        let agent = try AgentProcess()
        #expect(try agent.run("one", "grep ^Seccomp: /proc/self/status").output == "Seccomp:\t0\n")
        let filters = agent.filters
        #expect(filters.filter { $0.hasSuffix(" 0") } == ["launcher 0"])
        #expect(filters.filter { $0.hasSuffix(" 2") }.count == filters.count - 1)
        #expect(Set(["reaper 2", "oom 2", "calls 2", "nest-agent 2"]).isSubset(of: filters))
    }

    @Test("standard input reaches its end, and what was written before comes out")
    func input() throws {
        let agent = try AgentProcess()
        let (inputPort, input) = try agent.stream()
        let (outputPort, output) = try agent.stream()
        try agent.create("cat", try agent.specification("cat"), input: inputPort, output: outputPort)
        try agent.start("cat")
        input.write(Array("some text".utf8))
        input.end()
        #expect(String(decoding: output.readAll(), as: UTF8.self) == "some text")
        #expect(try agent.wait("cat") == 0)
        try agent.remove("cat")
    }

    @Test("a megabyte of binary output is complete")
    func muchOutput() throws {
        let agent = try AgentProcess()
        let (port, output) = try agent.stream()
        try agent.create("much", try agent.specification("busybox dd if=/dev/zero bs=64k count=64 2>&-"), output: port)
        try agent.start("much")
        #expect(output.readAll().count == 4 << 20)
        #expect(try agent.wait("much") == 0)
        try agent.remove("much")
    }

    @Test("a stream ends with its last writer, while the wait ends with the process")
    func grandchild() throws {
        let agent = try AgentProcess()
        let (port, output) = try agent.stream()
        // The first process lives on as the parent of all: an exec is what leaves a writer behind.
        try agent.create("host", try agent.specification("busybox sleep 100"))
        try agent.start("host")
        try agent.exec("host", "e1", agent.process("(busybox sleep 1; echo late) & echo early; exit 3"), output: port)
        #expect(try agent.wait("host", "e1") == 3)
        #expect(String(decoding: output.readAll(), as: UTF8.self) == "early\nlate\n")
        try agent.remove("host")
    }

    @Test("a command that does not exist is told in crun's words")
    func missingCommand() throws {
        let agent = try AgentProcess()
        var specification = try agent.specification("")
        specification.process.args = ["nosuch"]
        do {
            try agent.create("missing", specification)
            Issue.record("it was created")
        } catch let status as TTRPCStatus {
            #expect(status.code == .unknown)
            #expect(status.message.contains("executable file `nosuch` not found in $PATH"), "\(status)")
        }
        #expect(access("\(agent.directory)/containers/missing", F_OK) < 0)
    }

    @Test("a terminal has the size it was given, and ends with its process")
    func terminal() throws {
        let agent = try AgentProcess()
        let (inputPort, input) = try agent.stream()
        let (outputPort, output) = try agent.stream()
        let script = "test -t 0 && echo tty; read line; busybox stty size; echo got $line"
        try agent.create("tty", try agent.specification(script, terminal: true), input: inputPort, output: outputPort)
        try agent.start("tty")
        #expect(output.readUntil("tty").contains("tty"))
        try agent.call(
            "TtyWinResize",
            AgentTtyWinResizeRequest.with {
                $0.containerID = "tty"
                $0.execID = "tty"
                $0.row = 33
                $0.column = 77
            })
        input.write(Array("word\n".utf8))
        let rest = String(decoding: output.readAll(), as: UTF8.self)
        #expect(rest.contains("33 77") && rest.contains("got word"), "\(rest)")
        #expect(try agent.wait("tty") == 0)
        try agent.remove("tty")
    }

    @Test("an exec has streams and a status of its own, with a terminal too")
    func exec() throws {
        let agent = try AgentProcess()
        try agent.create("base", try agent.specification("busybox sleep 100"))
        try agent.start("base")
        for number in 1...3 {
            let (port, output) = try agent.stream()
            try agent.exec("base", "e\(number)", agent.process("echo out; exit \(number)"), output: port)
            #expect(String(decoding: output.readAll(), as: UTF8.self) == "out\n")
            #expect(try agent.wait("base", "e\(number)") == Int32(number))
        }
        let (port, output) = try agent.stream()
        try agent.exec("base", "t", agent.process("test -t 1 && echo yes", terminal: true), output: port)
        #expect(String(decoding: output.readAll(), as: UTF8.self) == "yes\r\n")
        #expect(try agent.wait("base", "t") == 0)
        expect(.unknown) { try agent.exec("base", "bad", .with { $0.args = ["nosuch"] }) }
        try agent.exec("base", "long", agent.process("busybox sleep 100"))
        expect(.alreadyExists) { try agent.exec("base", "long", agent.process("true")) }
        try agent.signal("base", "long", 9)
        #expect(try agent.wait("base", "long") == 137)
        expect(.notFound) { try agent.signal("base", "long", 9) }
        try agent.signal("base", "", 9)
        #expect(try agent.wait("base") == 137)
        expect(.failedPrecondition) { try agent.exec("base", "e9", agent.process("true")) }
        try agent.remove("base")
    }

    @Test("what is paused stands still, goes on when resumed, and is counted")
    func pauseAndStatistics() throws {
        let agent = try AgentProcess()
        try agent.create("paused", try agent.specification("while true; do busybox sleep 1; done"))
        try agent.start("paused")
        try agent.call("PauseContainer", AgentPauseContainerRequest.with { $0.containerID = "paused" })
        expect(.failedPrecondition) {
            try agent.call("PauseContainer", AgentPauseContainerRequest.with { $0.containerID = "paused" })
        }
        try agent.call("ResumeContainer", AgentResumeContainerRequest.with { $0.containerID = "paused" })
        let answer = try agent.call(
            "StatsContainer", AgentStatsContainerRequest.with { $0.containerID = "paused" },
            as: AgentStatsContainerResponse.self)
        #expect(answer.cgroupStats.pidsStats.current > 0)
        #expect(answer.cgroupStats.memoryStats.usage.usage > 0)
        #expect(answer.cgroupStats.cpuStats.cpuUsage.totalUsage > 0)
        var update = AgentUpdateContainerRequest()
        update.containerID = "paused"
        update.resources.memory.limit = 64 << 20
        try agent.call("UpdateContainer", update)
        let after = try agent.call(
            "StatsContainer", AgentStatsContainerRequest.with { $0.containerID = "paused" },
            as: AgentStatsContainerResponse.self)
        #expect(after.cgroupStats.memoryStats.usage.limit == 64 << 20)
        try agent.remove("paused")
    }

    @Test("a process killed for want of memory is told before its end is")
    func outOfMemory() throws {
        let agent = try AgentProcess()
        var specification = try agent.specification("x=0123456789; while true; do x=$x$x; done")
        specification.linux.resources.memory.limit = 16 << 20
        specification.linux.resources.memory.swap = 16 << 20
        try agent.create("oom", specification)
        try agent.start("oom")
        let event = try agent.call("GetOOMEvent", AgentGetOOMEventRequest(), as: AgentOOMEvent.self)
        #expect(event.containerID == "oom")
        #expect(try agent.wait("oom") == 137)
        try agent.remove("oom")
    }

    @Test("without ports the calls read and write the streams, to their ends")
    func streamsByCalls() throws {
        let agent = try AgentProcess()
        try agent.create("calls", try agent.specification("cat; echo problem >&2"))
        try agent.start("calls")
        let write = AgentWriteStreamRequest.with {
            $0.containerID = "calls"
            $0.data.append(contentsOf: Array("by call".utf8))
        }
        #expect(try agent.call("WriteStdin", write, as: AgentWriteStreamResponse.self).len == 7)
        try agent.call("CloseStdin", AgentCloseStdinRequest.with { $0.containerID = "calls" })
        let read = AgentReadStreamRequest.with {
            $0.containerID = "calls"
            $0.len = 100
        }
        var output: [UInt8] = []
        while true {
            let data = try agent.call("ReadStdout", read, as: AgentReadStreamResponse.self).data
            if data.isEmpty { break }
            output += data
        }
        #expect(String(decoding: output, as: UTF8.self) == "by call")
        let error = try agent.call("ReadStderr", read, as: AgentReadStreamResponse.self).data
        #expect(String(decoding: [UInt8](error), as: UTF8.self) == "problem\n")
        #expect(try agent.wait("calls") == 0)
        try agent.remove("calls")
    }

    @Test("names that are none, and containers that are not there, are refused with their codes")
    func refusals() throws {
        let agent = try AgentProcess()
        for id in ["", "..", "a/b", "-x", String(repeating: "a", count: 200)] {
            expect(.invalidArgument) { try agent.create(id, try agent.specification("true")) }
        }
        expect(.notFound) { try agent.start("nobody") }
        expect(.notFound) { try agent.remove("nobody") }
        expect(.notFound) { _ = try agent.wait("nobody") }
        expect(.unimplemented) { try agent.call("AddSwap", AgentDestroySandboxRequest()) }
        expect(.unimplemented) { try agent.call("NoSuchCall", AgentDestroySandboxRequest()) }
        try agent.create("twice", try agent.specification("true"))
        expect(.alreadyExists) { try agent.create("twice", try agent.specification("true")) }
        try agent.start("twice")
        expect(.failedPrecondition) { try agent.start("twice") }
        try agent.remove("twice")
    }

    @Test("a process that closes its input early, or never reads it, ends as it would; the host's writes fail")
    func closedInput() throws {
        let agent = try AgentProcess()
        let (inputPort, input) = try agent.stream()
        let (outputPort, output) = try agent.stream()
        try agent.create(
            "early", try agent.specification("exec <&-; echo closed; busybox sleep 1; exit 4"), input: inputPort,
            output: outputPort)
        try agent.start("early")
        #expect(output.readUntil("closed") == "closed\n")
        input.write([UInt8](repeating: 1, count: 1 << 20))
        #expect(input.read().isEmpty)
        #expect(try agent.wait("early") == 4)
        try agent.remove("early")
    }

    @Test("a reader that is slow gets everything, and other calls are answered meanwhile")
    func slowReader() throws {
        let agent = try AgentProcess()
        let (port, output) = try agent.stream()
        try agent.create("slow", try agent.specification("busybox seq 1 100000; exit 9"), output: port)
        try agent.start("slow")
        usleep(300_000)
        #expect(try agent.run("other", "echo quick").output == "quick\n")
        let text = String(decoding: output.readAll(), as: UTF8.self)
        #expect(text.split(separator: "\n").count == 100_000 && text.hasSuffix("\n100000\n"))
        #expect(try agent.wait("slow") == 9)
        try agent.remove("slow")
    }

    @Test("a removal ends a flood whose reader is gone, and a swarm of processes")
    func floodAndSwarm() throws {
        let agent = try AgentProcess()
        let (port, output) = try agent.stream()
        try agent.create("flood", try agent.specification("while true; do echo flood; done"), output: port)
        try agent.start("flood")
        #expect(!output.read().isEmpty)
        try agent.remove("flood")
        var specification = try agent.specification("f() { f | f & }; f; busybox sleep 100")
        specification.linux.resources.pids.limit = 64
        try agent.create("swarm", specification)
        try agent.start("swarm")
        usleep(300_000)
        try agent.remove("swarm")
        #expect(access("/sys/fs/cgroup/containers/swarm", F_OK) < 0)
        #expect(try agent.run("after", "echo fine").output == "fine\n")
    }

    @Test("a long row of execs leaves no descriptor and no thread behind")
    func manyExecs() throws {
        let agent = try AgentProcess()
        try agent.create("row", try agent.specification("busybox sleep 100"))
        try agent.start("row")
        var before = (0, 0)
        for number in 0..<30 {
            let (inputPort, input) = try agent.stream()
            let (outputPort, output) = try agent.stream()
            let process = agent.process("cat; exit \(number)", terminal: number % 5 == 4)
            try agent.exec("row", "e\(number)", process, input: inputPort, output: outputPort)
            input.write(Array("in\n\u{4}".utf8))
            input.end()
            #expect(!output.readAll().isEmpty)
            #expect(try agent.wait("row", "e\(number)") == Int32(number))
            if number == 4 {
                usleep(100_000)
                before = agent.resources
            }
        }
        usleep(100_000)
        let after = agent.resources
        #expect(after.descriptors == before.0)
        // The server keeps a few threads for later calls.
        #expect(after.threads <= before.1 + 8)
        try agent.remove("row")
    }

    @Test("containers that are made at the same time do not disturb each other")
    func atOnce() throws {
        let agent = try AgentProcess()
        // The root is made once.
        _ = try agent.specification("true")
        let count = 8
        let failures = Failures()
        var threads: [UniqueThread] = []
        for number in 0..<count {
            threads.append(
                try UniqueThread {
                    do {
                        let result = try agent.run("c\(number)", "echo \(number); exit \(number)")
                        if result.status != number || result.output != "\(number)\n" {
                            failures.add("\(number): \(result)")
                        }
                    } catch { failures.add("\(number): \(error)") }
                })
        }
        for thread in threads { thread.join() }
        #expect(failures.all == [])
    }

    private func expect(_ code: TTRPCCode, _ body: () throws -> Void) {
        do {
            try body()
            Issue.record("expected \(code)")
        } catch let status as TTRPCStatus {
            #expect(status.code == code, "\(status)")
        } catch {
            Issue.record("\(error)")
        }
    }
}
