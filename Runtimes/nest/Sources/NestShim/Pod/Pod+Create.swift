// SPDX-License-Identifier: Apache-2.0
internal import NestModel
internal import NestProtocols
internal import SwiftProtobuf
internal import TTRPC
internal import VMMSysUtil

extension Pod {
    /// Makes a container: the VM, the guest's part and the streams, up to a process that waits to be started.
    ///
    /// Whatever fails, nothing stays behind.
    /// - Returns: the process number for the client.
    func create(_ request: TaskCreateTaskRequest) throws(TTRPCStatus) -> UInt32 {
        guard ContainerName.isValid(request.id) else {
            throw TTRPCStatus(.invalidArgument, "\"\(request.id)\" is no name for a container")
        }
        guard request.checkpoint.isEmpty else {
            throw TTRPCStatus(.invalidArgument, "nest does not support starting from a checkpoint")
        }
        let container = TaskContainer(request, clock: StepClock(log: log, hold: hold))
        try reserve(container)
        do throws(TTRPCStatus) {
            let pid = try make(container, request)
            log.info(container.clock.summary())
            return pid
        } catch {
            container.main.streams?.abandon()
            remove(container)
            log.info("create failed: \(error.message)")
            throw error
        }
    }

    private func reserve(_ container: TaskContainer) throws(TTRPCStatus) {
        try state.update { state throws(TTRPCStatus) in
            guard !state.isShutDown else { throw TTRPCStatus(.unavailable, "the shim is shutting down") }
            guard state.containers[container.id] == nil else {
                throw TTRPCStatus(.alreadyExists, "container \(container.id) exists already")
            }
            if let other = state.containers.keys.first {
                throw TTRPCStatus(
                    .invalidArgument, "nest does not support a second container in a pod yet (\(other) is there)")
            }
            state.containers[container.id] = container
        }
    }

    private func make(
        _ container: TaskContainer, _ request: TaskCreateTaskRequest
    ) throws(TTRPCStatus) -> UInt32 {
        let clock = container.clock
        let specification: Specification
        do throws(SpecificationError) {
            specification = try clock.run(.specification) { () throws(SpecificationError) in
                try Specification(bundle: request.bundle, id: request.id)
            }
        } catch { throw Self.createFailed(.invalidArgument, error.description) }
        for note in specification.notes { log.info(note) }

        let machine = try boot(container, order(request, specification))
        let agent = try connectAgent(container, machine)
        try clock.run(.sandbox) { () throws(TTRPCStatus) in
            var sandbox = AgentCreateSandboxRequest()
            sandbox.sandboxID = sandboxID
            sandbox.hostname = specification.guest.hostname
            do throws(TTRPCStatus) { try agent.createSandbox(sandbox) } catch {
                throw Self.createFailed(error.code, "the guest's agent cannot make the sandbox: \(error.message)")
            }
        }
        let streams = try clock.run(.streams) { () throws(TTRPCStatus) in
            try connectStreams(container.main, machine)
        }
        container.main.attach(streams)
        let message = GuestContainer.request(id: container.id, spec: specification.guest, ports: streams.ports)
        try clock.run(.container) { () throws(TTRPCStatus) in
            do throws(TTRPCStatus) { try agent.createContainer(message) } catch {
                let arguments = specification.guest.process.args
                throw Self.createFailed(error.code, RuntimeMessage.create(error.message, arguments: arguments))
            }
        }
        guard !container.isCancelled else { throw Self.cancelled }
        container.main.change { life in
            life.created()
            events.publish(.created(request, pid: machine.processID))
        }
        do throws(Errno) {
            try startThread("wait") { self.watch(container.main, of: container) }
        } catch { throw TTRPCStatus(.internalError, "cannot start a thread: \(error)") }
        return machine.processID
    }

    private func order(_ request: TaskCreateTaskRequest, _ specification: Specification) -> PodOrder {
        PodOrder(
            sandboxID: sandboxID, containerID: request.id, bundle: request.bundle,
            rootMounts: request.rootfs.map {
                .init(type: $0.type, source: $0.source, target: $0.target, options: $0.options)
            },
            rootDirectory: specification.rootDirectory, limits: specification.limits,
            cgroupPath: specification.cgroupPath, configurationPath: Self.configurationPath(request),
            socketPath: socketPath)
    }

    /// The file that a client names in the runtime's options; options of any other type are passed over.
    static func configurationPath(_ request: TaskCreateTaskRequest) -> String? {
        guard request.hasOptions, request.options.typeURL.hasSuffix("runtimeoptions.v1.Options"),
            let options = try? TaskRuntimeOptions(serializedBytes: [UInt8](request.options.value))
        else { return nil }
        return options.configPath.isEmpty ? nil : options.configPath
    }

    private func boot(
        _ container: TaskContainer, _ order: PodOrder
    ) throws(TTRPCStatus) -> any PodMachine {
        let machine: any PodMachine
        do throws(PodError) {
            machine = try backend.boot(order, clock: container.clock) { container.isCancelled }
        } catch { throw container.isCancelled ? Self.cancelled : Self.createFailed(.unknown, error.message) }
        state.update { $0.machine = machine }
        do throws(Errno) {
            try startThread("vm") { self.watch(machine) }
        } catch { throw TTRPCStatus(.internalError, "cannot start a thread: \(error)") }
        return machine
    }

    private func connectAgent(
        _ container: TaskContainer, _ machine: any PodMachine
    ) throws(TTRPCStatus) -> GuestAgent {
        try container.clock.run(.agent) { () throws(TTRPCStatus) in
            var reason = ""
            let deadline = Deadline(after: Self.bootPatience)
            repeat {
                // It tells by itself. One that does not is asked now and then: each call in vain is work for it as well.
                machine.waitForGuest(timeout: .milliseconds(500))
                guard !container.isCancelled else { throw Self.cancelled }
                if let end = state.withLock({ $0.end }) {
                    throw Self.createFailed(.unknown, "the virtual machine ended while it booted (\(end)): see the log")
                }
                do throws(PodError) {
                    let connection = try machine.connect(port: AgentPort.calls, timeout: .milliseconds(50))
                    let agent = GuestAgent(connection)
                    state.update { $0.agent = agent }
                    try startBackground(agent, machine)
                    return agent
                } catch { reason = error.message }
                _ = state.wait(timeout: .milliseconds(10)) { $0.end }
            } while !deadline.hasPassed
            throw Self.createFailed(.deadlineExceeded, "the guest's agent does not answer: \(reason)")
        }
    }

    /// How long a guest may take to boot: twenty at once on a slow processor take minutes.
    private static let bootPatience: Duration = .seconds(300)

    private func startBackground(_ agent: GuestAgent, _ machine: any PodMachine) throws(PodError) {
        do throws(Errno) {
            try startGuestThread("oom") { self.watchMemory(agent) }
            try startThread("agent log") { self.relayAgentLog(machine) }
        } catch { throw PodError(.agent, "cannot start a thread: \(error)") }
    }

    func connectStreams(_ process: TaskProcess, _ machine: any PodMachine) throws(TTRPCStatus) -> ProcessStreams {
        do throws(StreamError) {
            return try ProcessStreams(
                process.paths, machine: machine, id: process.containerID, namespace: namespace)
        } catch { throw TTRPCStatus(.unknown, error.description) }
    }

    static let cancelled = TTRPCStatus(.cancelled, "OCI runtime create failed: given up by the client")

    /// In the words that clients know from runc.
    static func createFailed(_ code: TTRPCCode, _ reason: String) -> TTRPCStatus {
        TTRPCStatus(code == .invalidArgument ? code : .unknown, "OCI runtime create failed: \(reason)")
    }
}
