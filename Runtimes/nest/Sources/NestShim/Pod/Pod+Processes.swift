// SPDX-License-Identifier: Apache-2.0
internal import NestModel
internal import NestProtocols
internal import SwiftProtobuf
internal import TTRPC
internal import VMMSysUtil

// The calls about single processes.
extension Pod {
    /// Starts the main process or an exec.
    func start(_ id: String, _ execID: String) throws(TTRPCStatus) -> UInt32 {
        let container = try container(id)
        let process = try container.process(execID)
        if !process.isMain { try requireRunning(container) }
        try process.change { life throws(TTRPCStatus) in
            do throws(ProcessStateError) { try life.beginStart() } catch {
                throw TTRPCStatus(.failedPrecondition, error.description)
            }
        }
        do throws(TTRPCStatus) {
            if process.isMain { try startMain(container) } else { try startExec(process) }
        } catch {
            process.change { $0.startFailed() }
            throw error
        }
        let pid = processID
        process.change { life in
            events.publish(process.isMain ? .started(id, pid: pid) : .execStarted(id, execID, pid: pid))
            life.started()
        }
        guard !process.isMain else { return pid }
        // From here on somebody waits for its end, whatever happens to this call.
        do throws(Errno) {
            try startThread("wait") { self.watch(process, of: container) }
        } catch { throw TTRPCStatus(.internalError, "cannot start a thread: \(error)") }
        if let size = process.notedSize { try? resize(id, execID, width: size.width, height: size.height) }
        return pid
    }

    private func startMain(_ container: TaskContainer) throws(TTRPCStatus) {
        try container.clock.run(.start) { () throws(TTRPCStatus) in
            do throws(TTRPCStatus) { try agent().startContainer(container.id) } catch {
                throw TTRPCStatus(.unknown, "OCI runtime start failed: \(Specification.oneLine(error.message))")
            }
        }
    }

    private func startExec(_ process: TaskProcess) throws(TTRPCStatus) {
        let agent = try agent()
        let streams = try connectStreams(process, try machine())
        var request = AgentExecProcessRequest()
        request.containerID = process.containerID
        request.execID = process.execID
        request.process = process.process ?? OCIProcess()
        request.stdinPort = streams.ports.standardInput ?? 0
        request.stdoutPort = streams.ports.standardOutput ?? 0
        request.stderrPort = streams.ports.standardError ?? 0
        do throws(TTRPCStatus) { try agent.execProcess(request) } catch {
            streams.abandon()
            throw TTRPCStatus(.unknown, RuntimeMessage.exec(error.message, arguments: request.process.args))
        }
        process.attach(streams)
    }

    private func requireRunning(_ container: TaskContainer) throws(TTRPCStatus) {
        switch container.status(of: container.main) {
        case .running: return
        case .paused:
            throw TTRPCStatus(.failedPrecondition, "container \(container.id) is paused: resume it first")
        case .created: throw TTRPCStatus(.failedPrecondition, "container \(container.id) is not started yet")
        default: throw TTRPCStatus(.failedPrecondition, "container \(container.id) has stopped")
        }
    }

    /// Notes down an exec; Start runs it.
    func exec(_ request: TaskExecProcessRequest) throws(TTRPCStatus) {
        let container = try container(request.id)
        guard ContainerName.isValid(request.execID) else {
            throw TTRPCStatus(.invalidArgument, "\"\(request.execID)\" is no name for an exec")
        }
        guard container.main.phase != .stopped else {
            throw TTRPCStatus(.failedPrecondition, "container \(request.id) has stopped")
        }
        var options = JSONDecodingOptions()
        options.ignoreUnknownFields = true
        let json = [UInt8](request.spec.value)
        let process: OCIProcess
        do {
            process = try OCIProcess(jsonUTF8Bytes: json, options: options)
        } catch {
            throw TTRPCStatus(
                .invalidArgument, "the exec's process is no OCI process: \(Specification.oneLine("\(error)"))")
        }
        guard !process.args.isEmpty else { throw TTRPCStatus(.invalidArgument, "the exec's process has no args") }
        do throws(SpecificationError) { try UnreadMembers.check(json, at: "process") } catch {
            throw TTRPCStatus(.invalidArgument, error.description)
        }
        var adapted = Specification.adapted(process)
        adapted.terminal = request.terminal
        let paths = StreamPaths(
            standardInput: request.stdin, standardOutput: request.stdout, standardError: request.stderr,
            isTerminal: request.terminal)
        try container.add(
            TaskProcess(containerID: request.id, execID: request.execID, paths: paths, process: adapted))
        events.publish(.execAdded(request.id, request.execID))
    }

    /// Sends a signal to a process, or with `all` to every process of the container.
    func kill(_ id: String, _ execID: String, signal: UInt32, all: Bool) throws(TTRPCStatus) {
        let container = try container(id)
        let process = try container.process(execID)
        switch process.phase {
        case .stopped: throw TTRPCStatus(.notFound, "process already finished")
        case .creating: return cancelCreate(container)
        case .created where !process.isMain:
            throw TTRPCStatus(.failedPrecondition, "exec \(execID) is not started yet")
        case .created, .starting, .running: break
        }
        guard (1...64).contains(signal) else { throw TTRPCStatus(.invalidArgument, "\(signal) is no signal") }
        do throws(TTRPCStatus) {
            try agent().signal(id, all ? "" : process.guestID, signal)
        } catch {
            try killFailed(process, signal: signal, error)
        }
    }

    private func killFailed(_ process: TaskProcess, signal: UInt32, _ error: TTRPCStatus) throws(TTRPCStatus) {
        switch error.code {
        case .notFound: throw TTRPCStatus(.notFound, "process already finished")
        case .unavailable, .failedPrecondition:
            // The VM is ending, and with it the process: of this very signal, as often as not, whose answer came too late.
            guard process.waitForExit(timeout: .seconds(5)) != nil else { throw error }
        // An agent that hangs, or that a fork bomb leaves no thread for the call.
        case _ where signal == 9 && (process.isMain || error.code == .deadlineExceeded):
            log.info("the agent cannot kill (\(error)): the VM is killed")
            try machine().kill()
        default: throw error
        }
    }

    /// Gives up a container that is being made: its Create fails and cleans up.
    private func cancelCreate(_ container: TaskContainer) {
        container.cancel()
        state.withLock { $0.machine }?.kill()
    }

    /// Takes a process that has ended out of the table; with the main process goes the container.
    func delete(_ id: String, _ execID: String) throws(TTRPCStatus) -> TaskDeleteResponse {
        let container = try container(id)
        let process = try container.process(execID)
        try requireDeletable(container, process)
        let pid = processID
        if process.streams?.finish(timeout: .seconds(10)) == false {
            log.info("output of \(process.guestID) given up: nobody reads it")
        }
        if process.isMain {
            for exec in container.execs { exec.streams?.abandon() }
            container.clock.run(.stop) { stopAndWait() }
            container.clock.run(.delete) { remove(container) }
            log.info(container.clock.summary())
            events.publish(.deleted(id, "", pid: pid, process.life.exit))
        } else {
            container.remove(process)
        }
        var response = TaskDeleteResponse()
        response.pid = pid
        if let exit = process.life.exit {
            response.exitStatus = exit.status
            response.exitedAt = TaskEvent.timestamp(exit)
        }
        return response
    }

    private func requireDeletable(_ container: TaskContainer, _ process: TaskProcess) throws(TTRPCStatus) {
        switch process.phase {
        case .stopped: return
        case .created where !process.isMain: return
        case .created:
            // As runc does with a container that was never started.
            state.withLock { $0.machine }?.kill()
            guard process.waitForExit(timeout: .seconds(10)) == nil else { return }
        case .creating:
            // A client that gave up its Create; what was made is on its way out.
            cancelCreate(container)
            let isGone = state.wait(timeout: .seconds(4)) { $0.containers[container.id] == nil ? true : nil }
            if isGone == true { throw TTRPCStatus(.notFound, "container \(container.id) does not exist") }
        case .starting, .running: break
        }
        throw TTRPCStatus(.failedPrecondition, "\(process.guestID) is running: kill it first")
    }

    /// Sets a terminal's size.
    func resize(_ id: String, _ execID: String, width: UInt32, height: UInt32) throws(TTRPCStatus) {
        let process = try container(id).process(execID)
        guard process.paths.isTerminal else { return }
        switch process.phase {
        case .stopped: throw TTRPCStatus(.notFound, "process already finished")
        case .created where !process.isMain, .starting where !process.isMain:
            process.noteSize(width: width, height: height)
        default: try agent().resize(id, process.guestID, width: width, height: height)
        }
    }
}
