// SPDX-License-Identifier: Apache-2.0
import Glibc
import NestModel
import NestProtocols
import SwiftProtobuf
import Synchronization
import TTRPC
import VMMSysUtil

@testable import NestShim

/// A guest without a VM: the agent's calls over a socket pair, and processes that end when a test says so.
final class FakeGuest: TTRPCService {
    struct State {
        var calls: [String] = []
        var created: AgentCreateContainerRequest?
        var executed: [AgentExecProcessRequest] = []
        var ends: [String: Int32] = [:]
        var outOfMemory: [String] = []
        var isGone = false
        /// Methods that fail, with the reason.
        var failures: [String: String] = [:]
        /// Methods that never answer.
        var hangs: Set<String> = []
        /// The guest's ends of the streams, by the host's port.
        var streams: [UInt32: Int32] = [:]
        /// How many calls come before the agent listens.
        var callsInVain = 0
        /// What a fatal signal does to processes.
        var diesOfSignals = true
    }

    let name = ServiceName.agent
    let state = Monitor(State())

    func unary(_ method: String, _ request: [UInt8], _ call: TTRPCCall) throws(TTRPCStatus) -> [UInt8] {
        let (failure, hangs) = state.update { state in
            state.calls.append(method)
            return (state.failures[method], state.hangs.contains(method))
        }
        if let failure { throw TTRPCStatus(.internalError, failure) }
        if hangs { _ = state.wait { $0.isGone ? true : nil } }
        switch method {
        case "CreateContainer":
            let message: AgentCreateContainerRequest = try decode(request, what: method)
            state.update { $0.created = message }
        case "ExecProcess":
            let message: AgentExecProcessRequest = try decode(request, what: method)
            state.update { $0.executed.append(message) }
        case "SignalProcess":
            let message: AgentSignalProcessRequest = try decode(request, what: method)
            state.update { state in
                guard state.diesOfSignals else { return }
                state.ends[message.execID.isEmpty ? message.containerID : message.execID] = 128 + Int32(message.signal)
            }
        case "WaitProcess":
            let message: AgentWaitProcessRequest = try decode(request, what: method)
            call.onCancel { [state] in state.update { _ in } }
            let status = state.wait { state -> Int32?? in
                if let status = state.ends[message.execID] { return .some(status) }
                return state.isGone || call.isCancelled ? .some(nil) : nil
            }
            guard let status = status ?? nil else { throw TTRPCStatus(.unavailable, "gone") }
            var answer = AgentWaitProcessResponse()
            answer.status = status
            return try encode(answer)
        case "GetOOMEvent":
            call.onCancel { [state] in state.update { _ in } }
            let id = state.wait { state -> String?? in
                if !state.outOfMemory.isEmpty { return .some(state.outOfMemory.removeFirst()) }
                return state.isGone || call.isCancelled ? .some(nil) : nil
            }
            guard let id = id ?? nil else { throw TTRPCStatus(.unavailable, "gone") }
            var answer = AgentOOMEvent()
            answer.containerID = id
            return try encode(answer)
        case "StatsContainer":
            var answer = AgentStatsContainerResponse()
            answer.cgroupStats.cpuStats.cpuUsage.totalUsage = 5_000_000
            answer.cgroupStats.memoryStats.usage.usage = 4096
            answer.cgroupStats.memoryStats.stats = ["inactive_file": 17, "anon": 23]
            return try encode(answer)
        default: break
        }
        return []
    }

    func end(_ id: String, _ status: Int32) { state.update { $0.ends[id] = status } }
    var calls: [String] { state.withLock { $0.calls } }

    /// The guest's end of a stream, which the test closes.
    func stream(_ port: UInt32) -> FileDescriptor? {
        state.update { $0.streams.removeValue(forKey: port) }.map { FileDescriptor(owning: $0) }
    }
}

/// A VM that is this process.
final class FakeMachine: PodMachine {
    let processID: UInt32 = 4711
    let size = VMSize(limits: ContainerLimits(memoryBytes: 64 << 20), defaultMemoryMiB: 256, overheadMiB: 64)
    let hasUnifiedCgroups = true
    let guest: FakeGuest
    let server: TTRPCServer
    private let end = Monitor<PodEnd?>(nil)
    private let nextPort = Atomic<UInt32>(1000)
    private let released = Atomic<Bool>(false)

    init(_ guest: FakeGuest) {
        self.guest = guest
        server = TTRPCServer(services: [guest])
    }

    var isReleased: Bool { released.load(ordering: .relaxed) }

    func connect(port: UInt32, timeout: Duration) throws(PodError) -> GuestConnection {
        if port == AgentPort.log { throw PodError(.agent, "no log here") }
        let isInVain = guest.state.withLock { state in
            guard port == AgentPort.calls, state.callsInVain > 0 else { return false }
            state.callsInVain -= 1
            return true
        }
        if isInVain { throw PodError(.agent, "nobody listens") }
        do throws(Errno) {
            let pair = try SocketPair()
            let ours = try pair.first.duplicate()
            let theirs = try pair.second.duplicate()
            let hostPort = nextPort.wrappingAdd(1, ordering: .relaxed).newValue
            let number = theirs.release()
            if port == AgentPort.streams {
                guest.state.update { $0.streams[hostPort] = number }
            } else {
                let server = server
                _ = try Thread(name: "agent") { server.serve(FileDescriptor(owning: number)) }
            }
            return GuestConnection(descriptor: ours, hostPort: hostPort)
        } catch { throw PodError(.agent, "\(error)") }
    }

    func waitForGuest(timeout: Duration) {}
    func waitForEnd() -> PodEnd { end.wait { $0 } }

    /// Ends the VM as the host sees it.
    func finish(_ how: PodEnd) {
        end.update { $0 = $0 ?? how }
        let streams = guest.state.update { state in
            state.isGone = true
            defer { state.streams = [:] }
            return state.streams.values
        }
        for stream in streams { close(stream) }
    }

    func kill() { finish(.signalled(9)) }
    func release() {
        kill()
        released.store(true, ordering: .relaxed)
    }
}

final class FakeBackend: PodBackend {
    let machine: FakeMachine
    let isStuck = Atomic<Bool>(false)
    init(_ machine: FakeMachine) { self.machine = machine }

    func boot(
        _ order: PodOrder, clock: StepClock, isCancelled: @Sendable () -> Bool
    ) throws(PodError) -> any PodMachine {
        while isStuck.load(ordering: .relaxed) {
            if isCancelled() { throw PodError(.image, "cancelled") }
            Thread.sleep(for: .milliseconds(5))
        }
        return machine
    }
}

/// containerd's end of events: keeps their topics in order.
final class EventSink: TTRPCService {
    let name = ServiceName.events
    let topics = Monitor<[String]>([])

    func unary(_ method: String, _ request: [UInt8], _ call: TTRPCCall) throws(TTRPCStatus) -> [UInt8] {
        let message: EventForwardRequest = try decode(request, what: method)
        topics.update { $0.append(message.envelope.topic) }
        return []
    }
}

/// A shim without a program around it: the task service over a pod whose guest is fake, in a directory of its own.
final class ShimUnderTest: Sendable {
    let directory: String
    let guest = FakeGuest()
    let machine: FakeMachine
    let backend: FakeBackend
    let pod: Pod
    let service: TaskService
    let sink = EventSink()
    private let events: EventPublisher
    private let sinkServer: TTRPCServer
    private let server: TTRPCServer

    init(json: String = ShimUnderTest.plain) throws {
        directory = try temporaryDirectory()
        machine = FakeMachine(guest)
        backend = FakeBackend(machine)
        try Files.writeAtomically(json, to: "\(directory)/config.json")
        sinkServer = TTRPCServer(services: [sink])
        try sinkServer.start(listener: try UnixSocket.listen("\(directory)/events"))
        let log = ShimLog(path: nil, subject: "c1")
        events = EventPublisher(address: "\(directory)/events", namespace: "n", log: log)
        try events.start()
        pod = Pod(
            namespace: "n", sandboxID: "s", socketPath: "", backend: backend, events: events, log: log)
        service = TaskService(name: ServiceName.taskV2, pod: pod)
        server = TTRPCServer(services: TaskService.all(pod))
    }

    deinit {
        machine.kill()
        events.close()
        server.shutdown()
        Directory.removeTree(directory)
    }

    /// A client of its socket.
    func connect() throws -> TTRPCClient {
        try server.start(listener: try UnixSocket.listen("\(directory)/s"))
        return TTRPCClient(try UnixSocket.connect("\(directory)/s"))
    }

    func call(_ method: String, _ request: some Message) throws -> [UInt8] {
        try service.unary(method, try encode(request), TTRPCCall(service: service.name, method: method))
    }

    func call<Answer: Message>(_ method: String, _ request: some Message, as: Answer.Type) throws -> Answer {
        try Answer(serializedBytes: try call(method, request))
    }

    /// The status that a call fails with.
    func status(_ method: String, _ request: some Message) -> TTRPCCode {
        do {
            _ = try call(method, request)
            return .ok
        } catch { return (error as? TTRPCStatus)?.code ?? .unknown }
    }

    func createRequest(_ id: String = "c1") -> TaskCreateTaskRequest {
        var request = TaskCreateTaskRequest()
        request.id = id
        request.bundle = directory
        return request
    }

    func create() throws { _ = try call("Create", createRequest()) }

    func start(_ execID: String = "") throws {
        var request = TaskStartRequest()
        request.id = "c1"
        request.execID = execID
        _ = try call("Start", request)
    }

    func wait(_ execID: String = "") throws -> UInt32 {
        var request = TaskWaitRequest()
        request.id = "c1"
        request.execID = execID
        return try call("Wait", request, as: TaskWaitResponse.self).exitStatus
    }

    func exec(_ execID: String) throws { _ = try call("Exec", execRequest(execID)) }

    func execRequest(_ execID: String) -> TaskExecProcessRequest {
        var request = TaskExecProcessRequest()
        request.id = "c1"
        request.execID = execID
        request.spec.typeURL = "types.containerd.io/opencontainers/runtime-spec/1/Process"
        request.spec.value.replaceBytes(with: Array(#"{"args":["true"],"cwd":"/"}"#.utf8))
        return request
    }

    func state(_ execID: String = "") throws -> TaskStateResponse {
        var request = TaskStateRequest()
        request.id = "c1"
        request.execID = execID
        return try call("State", request, as: TaskStateResponse.self)
    }

    func delete(_ execID: String = "") throws -> TaskDeleteResponse {
        var request = TaskDeleteRequest()
        request.id = "c1"
        request.execID = execID
        return try call("Delete", request, as: TaskDeleteResponse.self)
    }

    func killRequest(_ signal: UInt32, _ execID: String = "") -> TaskKillRequest {
        var request = TaskKillRequest()
        request.id = "c1"
        request.execID = execID
        request.signal = signal
        return request
    }

    /// Waits until so many events have come.
    func topics(_ count: Int) -> [String] {
        sink.topics.wait(timeout: .seconds(10)) { $0.count >= count ? $0 : nil } ?? sink.topics.withLock { $0 }
    }

    /// A specification that ctr might write.
    static let plain = #"""
        {"ociVersion":"1.0.2","process":{"args":["sh"],"cwd":"/"},"root":{"path":"rootfs"},"hostname":"h",
        "mounts":[{"destination":"/proc","type":"proc","source":"proc"}],
        "linux":{"cgroupsPath":"/n/c1","maskedPaths":["/proc/kcore"],"namespaces":[{"type":"pid"},{"type":"ipc"},
        {"type":"uts"},{"type":"mount"},{"type":"network"}]}}
        """#
}

func temporaryDirectory() throws -> String {
    var template = Array("/tmp/nest-shim-XXXXXX".utf8CString)
    guard mkdtemp(&template) != nil else { throw Errno.last }
    return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
}
