// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import NestProtocols
internal import TTRPC
internal import VMMSysUtil

/// Makes containers and processes, and takes them away.
final class Containers: Sendable {
    let table = ContainerTable()
    let crun: Crun
    let reaper: Reaper
    let streamPort: StreamPort
    let oom: OOMMonitor
    private let log: AgentLog
    private let directory: String

    init(directory: String, crun: Crun, reaper: Reaper, streamPort: StreamPort, oom: OOMMonitor, log: AgentLog) {
        self.directory = directory
        self.crun = crun
        self.reaper = reaper
        self.streamPort = streamPort
        self.oom = oom
        self.log = log
    }

    // MARK: The first process

    /// What a request for a container must be, whatever there is in the machine.
    static func check(_ request: AgentCreateContainerRequest) throws(AgentError) {
        try Identifier.check(request.containerID, "container")
        if !request.execID.isEmpty { try Identifier.check(request.execID, "process") }
        guard request.hasOci, request.oci.hasProcess else { throw .invalid("the specification has no process") }
        // Refused and not ignored: a caller that needs one of these shall know.
        guard request.devices.isEmpty else { throw .invalid("devices of the machine cannot be given to a container") }
        guard request.sharedMounts.isEmpty else { throw .invalid("containers cannot share mounts") }
        guard !request.hasStringUser else { throw .invalid("the user is given by its number in the specification") }
        guard !request.sandboxPidns else { throw .invalid("a shared process namespace is not supported") }
    }

    func create(_ request: AgentCreateContainerRequest) throws(AgentError) {
        try Self.check(request)
        let container = Container(
            id: request.containerID, bundle: "\(directory)/\(request.containerID)",
            hasLastHooks: !request.oci.hooks.poststop.isEmpty)
        try table.add(container)
        do throws(AgentError) {
            let process = try make(container, request)
            container.state.update { state in
                state.firstID = request.execID
                state.first = process
                state.phase = .created
            }
        } catch {
            discard(container)
            throw error
        }
        oom.watch(container)
    }

    private func make(
        _ container: Container, _ request: AgentCreateContainerRequest
    ) throws(AgentError) -> ContainerProcess {
        try Files.makeDirectories(container.bundle, mode: 0o700)
        let storages = try StorageCatalog.attach(request.storages, log)
        container.state.update { $0.storages = storages }
        let specification = request.oci.json(cgroup: container.cgroup.path)
        try Files.write("\(container.bundle)/config.json", specification.encoded)
        var ports = StreamPorts(input: request.stdinPort, output: request.stdoutPort, error: request.stderrPort)
        ports.isByCalls = !request.hasStdinPort && !request.hasStdoutPort && !request.hasStderrPort
        return try launch(
            ["create", "--bundle", container.bundle], container.id, [], isTerminal: request.oci.process.terminal, ports)
    }

    func start(_ container: Container) throws(AgentError) {
        try container.move(from: [.created], to: .starting)
        do throws(AgentError) { try crun.run(["start", container.id]) } catch {
            container.state.update { if $0.phase == .starting { $0.phase = .created } }
            throw error
        }
        container.state.update { if $0.phase == .starting { $0.phase = .running } }
    }

    // MARK: Other processes

    /// What a request for a process must be, whatever there is in the machine.
    static func check(_ request: AgentExecProcessRequest) throws(AgentError) {
        try Identifier.check(request.execID, "process")
        guard request.hasProcess, !request.process.args.isEmpty else { throw .invalid("there is no command to run") }
        guard !request.hasStringUser else { throw .invalid("the user is given by its number in the process") }
    }

    func exec(_ container: Container, _ request: AgentExecProcessRequest) throws(AgentError) {
        try Self.check(request)
        try container.reserve(request.execID)
        var process: ContainerProcess?
        defer { container.settle(request.execID, process) }
        let file = crun.temporaryPath("process")
        defer { unlink(file) }
        try Files.write(file, request.process.json.encoded)
        var ports = StreamPorts(input: request.stdinPort, output: request.stdoutPort, error: request.stderrPort)
        ports.isByCalls = !request.hasStdinPort && !request.hasStdoutPort && !request.hasStderrPort
        process = try launch(
            ["exec", "--detach", "--process", file], container.id, [], isTerminal: request.process.terminal, ports)
    }

    /// Runs crun so that it leaves a process behind, and takes that over.
    private func launch(
        _ arguments: [String], _ id: String, _ rest: [String], isTerminal: Bool, _ ports: StreamPorts
    ) throws(AgentError) -> ContainerProcess {
        let prepared = try PreparedStreams(isTerminal: isTerminal, ports, from: streamPort)
        do throws(AgentError) {
            let pidFile = crun.temporaryPath("pid")
            defer { unlink(pidFile) }
            let options = arguments + ["--pid-file", pidFile]
            guard isTerminal else {
                let end = try run(options + [id] + rest, prepared.program, pidFile)
                return ContainerProcess(streams: try prepared.start(terminal: nil), end: end)
            }
            let console = try ConsoleSocket(path: crun.temporaryPath("console"))
            let end = try run(options + ["--console-socket", console.path, id] + rest, .init(), pidFile)
            return ContainerProcess(streams: try prepared.start(terminal: try console.terminal()), end: end)
        } catch {
            prepared.abandon()
            throw error
        }
    }

    private func run(_ arguments: [String], _ streams: ProgramStreams, _ pidFile: String) throws(AgentError)
        -> ProcessEnd
    {
        try reaper.claiming { () throws(AgentError) in
            try crun.run(arguments, streams, timeout: .seconds(120))
            guard let pid = Files.text(pidFile).flatMap({ pid_t($0.trimmed) }), pid > 1 else {
                throw .crun("crun \(arguments.first ?? "") named no process")
            }
            return reaper.claim(pid)
        }
    }

    /// Waits for a process's end.
    func wait(_ container: Container, _ execID: String, _ call: TTRPCCall) throws(AgentError) -> Int32 {
        let process = try container.process(execID)
        let status = try process.end.wait(call: call)
        // Whoever hears of the end has been told of what ended it.
        oom.check(container)
        container.markSeen(execID)
        return status
    }

    func signal(_ container: Container, _ execID: String, _ number: UInt32) throws(AgentError) {
        guard (1...64).contains(number) else { throw .invalid("\(number) is no signal") }
        let process = try container.process(execID)
        guard execID.isEmpty else { return try reaper.signal(process.end, Int32(number)) }
        guard process.end.value == nil || container.cgroup.numbers("cgroup.events")["populated"] == 1 else {
            throw .notFound("process already finished")
        }
        try container.cgroup.signalAll(Int32(number))
    }

    // MARK: The end

    /// Ends all processes, and takes away everything that the container had.
    func remove(_ container: Container, timeout: Duration) throws(AgentError) {
        try container.move(from: [.created, .running], to: .removing)
        if container.cgroup.exists { try? container.cgroup.killAll() }
        if let first = container.state.withLock({ $0.first }) {
            do throws(AgentError) { _ = try first.end.wait(until: Deadline(after: timeout)) } catch {
                container.state.update { $0.phase = .running }
                throw error
            }
        }
        try? container.cgroup.waitUntilEmpty(timeout: .seconds(5))
        discard(container)
    }

    private func discard(_ container: Container) {
        oom.forget(container)
        if container.state.withLock({ $0.first == nil }) || container.hasLastHooks {
            do throws(AgentError) { try crun.run(["delete", "--force", container.id], timeout: .seconds(30)) } catch {
                log.debug("container \(container.id): \(error)")
            }
        } else {
            // Its processes are dead: what crun would do costs a start of crun, which is a tenth of a container's whole life.
            crun.forget(container.id)
        }
        container.cgroup.remove()
        for process in container.processes { process.streams.finish(within: .seconds(2)) }
        StorageCatalog.detach(container.state.withLock { $0.storages }, log)
        Directory.removeTree(container.bundle)
        table.remove(container)
    }
}
