// SPDX-License-Identifier: Apache-2.0
internal import NestModel
internal import NestProtocols
internal import TTRPC
internal import VMMSysUtil

/// A pod: its containers and the VM that they run in.
///
/// No lock is held while anything is waited for, so questions are answered while a VM boots or hangs. Today one container
/// makes the pod; the table is made for more.
final class Pod: Sendable {
    struct State {
        var containers: [String: TaskContainer] = [:]
        var machine: (any PodMachine)?
        var agent: GuestAgent?
        var end: PodEnd?
        var isShutDown = false
        /// When the last container went, or the pod began.
        var emptySince = Deadline.now
    }

    let namespace: String
    let sandboxID: String
    let socketPath: String
    let backend: any PodBackend
    let events: EventPublisher
    let log: ShimLog
    let hold: StepHold
    let state = Monitor(State())

    init(
        namespace: String, sandboxID: String, socketPath: String, backend: any PodBackend, events: EventPublisher,
        log: ShimLog, hold: StepHold = .none
    ) {
        self.namespace = namespace
        self.sandboxID = sandboxID
        self.socketPath = socketPath
        self.backend = backend
        self.events = events
        self.log = log
        self.hold = hold
    }

    /// The container of a name.
    func container(_ id: String) throws(TTRPCStatus) -> TaskContainer {
        guard let container = state.withLock({ $0.containers[id] }) else {
            throw TTRPCStatus(.notFound, "container \(id) does not exist")
        }
        return container
    }

    /// The process that stands for every process of the pod; 0 before there is a VM.
    var processID: UInt32 { state.withLock { $0.machine?.processID ?? 0 } }

    /// The machine, of a container that has been made.
    func machine() throws(TTRPCStatus) -> any PodMachine {
        guard let machine = state.withLock({ $0.machine }) else { throw Self.noMachine }
        return machine
    }

    /// The agent of a machine that runs.
    func agent() throws(TTRPCStatus) -> GuestAgent {
        guard let agent = state.withLock({ $0.end == nil ? $0.agent : nil }) else { throw Self.noMachine }
        return agent
    }

    private static let noMachine = TTRPCStatus(.failedPrecondition, "the container's virtual machine does not run")

    /// Ends the VM if no container of the pod lives any more.
    func stopIfEmpty() {
        let machine = state.update { state in
            state.containers.values.allSatisfy { $0.main.phase == .stopped } ? state.machine : nil
        }
        machine?.kill()
    }

    /// As `stopIfEmpty`, and waits until the VM is gone, which frees its memory first.
    func stopAndWait() {
        stopIfEmpty()
        _ = state.wait(timeout: .seconds(5)) { state in
            state.end != nil || state.containers.values.contains { $0.main.phase != .stopped } ? true : nil
        }
    }

    /// Takes a container out of the table; with the last one goes the machine and all that the pod has on the host.
    func remove(_ container: TaskContainer) {
        let (machine, agent) = state.update { state -> ((any PodMachine)?, GuestAgent?) in
            guard state.containers.count <= 1 else { return (nil, nil) }
            return (state.machine, state.agent)
        }
        agent?.close()
        machine?.release()
        state.update { state in
            state.containers[container.id] = nil
            state.emptySince = Deadline.now
            guard state.containers.isEmpty else { return }
            state.machine = nil
            state.agent = nil
            state.end = nil
        }
    }

    /// Ends the pod unless a container is left.
    /// - Returns: whether it has ended.
    func shutDown() -> Bool {
        state.update { state in
            guard state.containers.isEmpty else { return false }
            state.isShutDown = true
            return true
        }
    }

    /// Waits until `shutDown` ended the pod, or nobody has had a container in it for long: a containerd that dies between
    /// `start` and Create, or between Delete and Shutdown, takes this shim for a task for ever (1.6 does).
    func waitForShutdown(idle: Duration = .seconds(20)) {
        while state.wait(timeout: idle, { $0.isShutDown ? true : nil }) == nil {
            let isForgotten = state.withLock {
                $0.containers.isEmpty && $0.emptySince.elapsed >= idle
            }
            if isForgotten, shutDown() { log.info("ends, as nobody wants a container of it") }
        }
    }

    /// How the VM ended; waits for it, and ends a VM whose agent is gone but which does not end.
    func machineEnd(_ machine: any PodMachine) -> PodEnd? {
        if let end = state.wait(timeout: .seconds(10), { $0.end }) { return end }
        log.info("the agent is gone and the VM still runs: it is killed")
        machine.kill()
        return state.wait(timeout: .seconds(10)) { $0.end }
    }
}
