// SPDX-License-Identifier: Apache-2.0
import Glibc
import NestModel
import NestProtocols
import SwiftProtobuf
import Synchronization
import TTRPC
import Testing
import VMMSysUtil

@testable import NestShim

@Suite("The task service")
struct TaskServiceTests {
    @Test("a container's life is told in order, and its status is the guest's")
    func life() throws {
        let shim = try ShimUnderTest()
        try shim.create()
        #expect(try shim.state().status == .created)
        try shim.start()
        #expect(try shim.state().status == .running)
        #expect(try shim.state().pid == 4711)
        shim.guest.end("c1", 7)
        #expect(try shim.wait() == 7)
        #expect(try shim.state().status == .stopped)
        #expect(try shim.delete().exitStatus == 7)
        #expect(shim.machine.isReleased)
        #expect(shim.topics(4) == ["/tasks/create", "/tasks/start", "/tasks/exit", "/tasks/delete"])
    }

    @Test("an agent that listens late is waited for, however fast the calls before fail")
    func lateAgent() throws {
        let shim = try ShimUnderTest()
        shim.guest.state.withLock { $0.callsInVain = 100 }
        try shim.create()
        #expect(try shim.state().status == .created)
    }

    @Test("what the agent is told has its own network, root and disks, and no stream that is absent")
    func guestRequest() throws {
        let shim = try ShimUnderTest()
        try shim.create()
        let request = try #require(shim.guest.state.withLock { $0.created })
        #expect(request.oci.root.path == "/run/kata-containers/c1/rootfs")
        #expect(!request.oci.linux.namespaces.contains { $0.type == "network" })
        #expect(request.storages.map(\.source) == ["/dev/vdb", "/dev/vdc", "overlay"])
        #expect(request.hasStdoutPort && request.stdoutPort == 0)
        #expect(request.oci.linux.cgroupsPath == "/c1")
    }

    @Test("a process that ends while it is started has its start told first")
    func quickExit() throws {
        let shim = try ShimUnderTest()
        shim.guest.end("c1", 3)
        try shim.create()
        // It ended as a created one may: then Start has nothing to start, and that is said.
        #expect(try shim.wait() == 3)
        var request = TaskStartRequest()
        request.id = "c1"
        #expect(shim.status("Start", request) == .failedPrecondition)
        #expect(shim.topics(2) == ["/tasks/create", "/tasks/exit"])
    }

    @Test("the ends of execs are told before the end of the main process")
    func execsFirst() throws {
        let shim = try ShimUnderTest()
        try shim.create()
        try shim.start()
        try shim.exec("e1")
        try shim.start("e1")
        shim.guest.end("c1", 0)
        Thread.sleep(for: .milliseconds(50))
        shim.guest.end("e1", 137)
        #expect(try shim.wait() == 0)
        #expect(
            shim.topics(6) == [
                "/tasks/create", "/tasks/start", "/tasks/exec-added", "/tasks/exec-started", "/tasks/exit",
                "/tasks/exit",
            ])
        #expect(try shim.state("e1").exitStatus == 137)
        #expect(try shim.delete("e1").exitStatus == 137)
        _ = try shim.delete()
    }

    @Test("a VM that dies ends every process with 137, and one that the host's kernel kills tells so first")
    func death() throws {
        let shim = try ShimUnderTest()
        try shim.create()
        try shim.start()
        shim.machine.finish(.outOfMemory)
        #expect(try shim.wait() == 137)
        #expect(shim.topics(4) == ["/tasks/create", "/tasks/start", "/tasks/oom", "/tasks/exit"])
        let other = try ShimUnderTest()
        try other.create()
        try other.start()
        other.machine.finish(.exited(0))
        #expect(try other.wait() == 255)
        #expect(try other.delete().exitStatus == 255)
    }

    @Test("a guest out of memory tells so before the end of the process")
    func outOfMemory() throws {
        let shim = try ShimUnderTest()
        try shim.create()
        try shim.start()
        shim.guest.state.update { state in
            state.outOfMemory = ["c1"]
            state.ends["c1"] = 137
        }
        #expect(try shim.wait() == 137)
        #expect(shim.topics(4) == ["/tasks/create", "/tasks/start", "/tasks/oom", "/tasks/exit"])
    }

    @Test("a guest that tells without end that it is out of memory is not listened to without a pause")
    func outOfMemoryWithoutEnd() throws {
        let shim = try ShimUnderTest()
        try shim.create()
        try shim.start()
        let events = ["c1"] + [String](repeating: "c1", count: 500) + [String](repeating: "another", count: 500)
        shim.guest.state.update { $0.outOfMemory = events }
        #expect(shim.topics(3) == ["/tasks/create", "/tasks/start", "/tasks/oom"])
        Thread.sleep(for: .milliseconds(200))
        // On a slow machine it is fewer.
        shim.guest.state.update { #expect(events.count - $0.outOfMemory.count <= 30) }
    }

    @Test("State, Connect and Pids answer while a VM boots, and a Delete gives the boot up")
    func booting() throws {
        let shim = try ShimUnderTest()
        shim.backend.isStuck.store(true, ordering: .relaxed)
        let result = Monitor<TTRPCCode?>(nil)
        _ = try Thread(name: "create") {
            let status = shim.status("Create", shim.createRequest())
            result.update { $0 = status }
        }
        while (try? shim.state()) == nil { Thread.sleep(for: .milliseconds(5)) }
        #expect(try shim.state().status == .created)
        var pids = TaskPidsRequest()
        pids.id = "c1"
        #expect(shim.status("Pids", pids) == .ok)
        var connect = TaskConnectRequest()
        connect.id = "c1"
        #expect(try shim.call("Connect", connect, as: TaskConnectResponse.self).shimPid == UInt32(getpid()))
        var delete = TaskDeleteRequest()
        delete.id = "c1"
        #expect(shim.status("Delete", delete) == .notFound)
        #expect(result.wait(timeout: .seconds(5)) { $0 } == .cancelled)
    }

    @Test("each mistake has its code")
    func codes() throws {
        let shim = try ShimUnderTest()
        #expect(shim.status("State", TaskStateRequest()) == .notFound)
        #expect(shim.status("Kill", shim.killRequest(9)) == .notFound)
        #expect(shim.status("Checkpoint", TaskCheckpointTaskRequest()) == .unimplemented)
        #expect(shim.status("Connect", TaskConnectRequest()) == .ok)
        try shim.create()
        #expect(shim.status("Create", shim.createRequest()) == .alreadyExists)
        #expect(shim.status("Create", shim.createRequest("c2")) == .invalidArgument)
        var start = TaskStartRequest()
        start.id = "c1"
        try shim.start()
        #expect(shim.status("Start", start) == .failedPrecondition)
        try shim.exec("e1")
        #expect(shim.status("Exec", shim.execRequest("e1")) == .alreadyExists)
        var delete = TaskDeleteRequest()
        delete.id = "c1"
        #expect(shim.status("Delete", delete) == .failedPrecondition)
        delete.execID = "e1"
        #expect(shim.status("Delete", delete) == .ok)
        start.execID = "e1"
        #expect(shim.status("Start", start) == .notFound)
        #expect(shim.status("Kill", shim.killRequest(15)) == .ok)
        #expect(try shim.wait() == 143)
        #expect(shim.status("Kill", shim.killRequest(15)) == .notFound)
        #expect(shim.status("Exec", shim.execRequest("e2")) == .failedPrecondition)
        var pause = TaskPauseRequest()
        pause.id = "c1"
        #expect(shim.status("Pause", pause) == .failedPrecondition)
    }

    @Test("a kill that the agent does not answer ends the VM")
    func hungAgent() throws {
        let shim = try ShimUnderTest()
        try shim.create()
        try shim.start()
        shim.guest.state.update { $0.hangs = ["SignalProcess"] }
        #expect(shim.status("Kill", shim.killRequest(9)) == .ok)
        #expect(try shim.wait() == 137)
    }

    @Test("a kill that the agent has no means for ends the VM")
    func exhaustedAgent() throws {
        let shim = try ShimUnderTest()
        try shim.create()
        try shim.start()
        shim.guest.state.withLock { $0.failures["SignalProcess"] = "no thread for the call" }
        #expect(shim.status("Kill", shim.killRequest(15)) == .internalError)
        #expect(shim.status("Kill", shim.killRequest(9)) == .ok)
        #expect(try shim.wait() == 137)
    }

    @Test("a shim that nobody wants a container of ends by itself, and one with a container does not")
    func forgotten() throws {
        let shim = try ShimUnderTest()
        try shim.create()
        let remover = try Thread(name: "remover") {
            usleep(600_000)
            shim.machine.finish(.exited(0))
            _ = try? shim.wait()
            var delete = TaskDeleteRequest()
            delete.id = "c1"
            _ = try? shim.call("Delete", delete)
        }
        let waited = ContinuousClock().measure { shim.pod.waitForShutdown(idle: .milliseconds(100)) }
        try remover.join()
        #expect(waited >= .milliseconds(700))
        #expect(shim.status("Create", shim.createRequest()) == .unavailable)
    }

    @Test("a Create that fails leaves nothing, and the container can be made again")
    func failedCreate() throws {
        let shim = try ShimUnderTest()
        shim.guest.state.update {
            $0.failures["CreateContainer"] = "crun: executable file `sh` not found in $PATH: No such file or directory"
        }
        do {
            try shim.create()
            Issue.record("it did not fail")
        } catch let status as TTRPCStatus {
            #expect(status.message.hasSuffix(#"exec: "sh": executable file not found in $PATH"#))
            #expect(status.message.hasPrefix("OCI runtime create failed: "))
        }
        #expect(shim.status("State", TaskStateRequest()) == .notFound)
        #expect(shim.machine.isReleased)
        #expect(shim.sink.topics.withLock { $0 } == [])
    }

    @Test("an exec that cannot start stays as it is and can be deleted")
    func failedExec() throws {
        let shim = try ShimUnderTest()
        try shim.create()
        try shim.start()
        try shim.exec("e1")
        shim.guest.state.update { $0.failures["ExecProcess"] = "executable file `true` not found in $PATH" }
        var start = TaskStartRequest()
        start.id = "c1"
        start.execID = "e1"
        #expect(shim.status("Start", start) == .unknown)
        #expect(try shim.state("e1").status == .created)
        _ = try shim.delete("e1")
    }

    @Test("pause, resume, statistics and limits")
    func control() throws {
        let shim = try ShimUnderTest()
        try shim.create()
        try shim.start()
        var pause = TaskPauseRequest()
        pause.id = "c1"
        _ = try shim.call("Pause", pause)
        #expect(try shim.state().status == .paused)
        var resume = TaskResumeRequest()
        resume.id = "c1"
        _ = try shim.call("Resume", resume)
        #expect(try shim.state().status == .running)
        var stats = TaskStatsRequest()
        stats.id = "c1"
        let answer = try shim.call("Stats", stats, as: TaskStatsResponse.self)
        #expect(answer.stats.typeURL == "io.containerd.cgroups.v2.Metrics")
        let metrics = try CgroupV2Metrics(serializedBytes: [UInt8](answer.stats.value))
        #expect(metrics.cpu.usageUsec == 5000)
        #expect(metrics.memory.usage == 4096)
        #expect(metrics.memory.inactiveFile == 17)
        var update = TaskUpdateTaskRequest()
        update.id = "c1"
        update.resources.value.replaceBytes(with: Array(#"{"memory":{"limit":33554432}}"#.utf8))
        #expect(shim.status("Update", update) == .ok)
        update.resources.value.replaceBytes(with: Array(#"{"memory":{"limit":134217728}}"#.utf8))
        do {
            _ = try shim.call("Update", update)
            Issue.record("it did not fail")
        } catch let status as TTRPCStatus {
            #expect(status.message.contains("128 MiB") && status.message.contains("64 MiB"))
        }
        #expect(
            shim.topics(4) == ["/tasks/create", "/tasks/start", "/tasks/paused", "/tasks/resumed"])
    }

    @Test("Shutdown does nothing while a container is there")
    func shutdown() throws {
        let shim = try ShimUnderTest()
        try shim.create()
        _ = try shim.call("Shutdown", TaskShutdownRequest())
        #expect(try shim.state().status == .created)
        shim.guest.end("c1", 0)
        _ = try shim.wait()
        _ = try shim.delete()
        _ = try shim.call("Shutdown", TaskShutdownRequest())
        #expect(shim.status("Create", shim.createRequest()) == .unavailable)
    }
}
