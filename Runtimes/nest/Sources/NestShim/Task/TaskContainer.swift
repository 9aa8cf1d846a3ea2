// SPDX-License-Identifier: Apache-2.0
internal import NestModel
internal import NestProtocols
internal import Synchronization
internal import TTRPC

/// A container as the task API sees it: its main process, its execs, and whether it is frozen.
final class TaskContainer: Sendable {
    private struct State {
        var execs: [String: TaskProcess] = [:]
        var isPaused = false
        var isCancelled = false
        var hasRunOutOfMemory = false
    }

    let id: String
    let bundle: String
    let main: TaskProcess
    /// Times the steps of its life.
    let clock: StepClock
    private let state = Mutex(State())

    init(_ request: TaskCreateTaskRequest, clock: StepClock) {
        self.clock = clock
        id = request.id
        bundle = request.bundle
        let paths = StreamPaths(
            standardInput: request.stdin, standardOutput: request.stdout, standardError: request.stderr,
            isTerminal: request.terminal)
        main = TaskProcess(containerID: request.id, paths: paths)
    }

    /// The main process for an empty name, or an exec.
    func process(_ execID: String) throws(TTRPCStatus) -> TaskProcess {
        if execID.isEmpty { return main }
        guard let exec = state.withLock({ $0.execs[execID] }) else {
            throw TTRPCStatus(.notFound, "exec \(execID) of container \(id) does not exist")
        }
        return exec
    }

    var execs: [TaskProcess] { state.withLock { Array($0.execs.values) } }

    func add(_ exec: TaskProcess) throws(TTRPCStatus) {
        let isNew = state.withLock { state in
            guard exec.execID != id, state.execs[exec.execID] == nil else { return false }
            state.execs[exec.execID] = exec
            return true
        }
        guard isNew else {
            throw TTRPCStatus(.alreadyExists, "exec \(exec.execID) of container \(id) exists already")
        }
    }

    func remove(_ exec: TaskProcess) { state.withLock { _ = $0.execs.removeValue(forKey: exec.execID) } }

    var isPaused: Bool {
        get { state.withLock { $0.isPaused } }
        set { state.withLock { $0.isPaused = newValue } }
    }

    /// Whether its making is to be given up.
    var isCancelled: Bool { state.withLock { $0.isCancelled } }
    func cancel() { state.withLock { $0.isCancelled = true } }

    /// Whether a kernel took a process from it.
    var hasRunOutOfMemory: Bool { state.withLock { $0.hasRunOutOfMemory } }

    /// Notes that a kernel took a process from it.
    /// - Returns: whether that was the first time.
    func noteOutOfMemory() -> Bool {
        state.withLock { state in
            defer { state.hasRunOutOfMemory = true }
            return !state.hasRunOutOfMemory
        }
    }

    /// Its status for a client; a container that is being made counts as made.
    func status(of process: TaskProcess) -> TaskStatus {
        switch process.phase {
        case .creating, .created, .starting: .created
        case .running: isPaused ? .paused : .running
        case .stopped: .stopped
        }
    }
}
