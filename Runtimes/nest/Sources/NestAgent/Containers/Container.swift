// SPDX-License-Identifier: Apache-2.0
internal import NestProtocols
internal import VMMSysUtil

/// A process of a container: its first, or one that was put in later.
final class ContainerProcess: Sendable {
    let streams: ProcessStreams
    let end: ProcessEnd

    init(streams: ProcessStreams, end: ProcessEnd) {
        self.streams = streams
        self.end = end
    }
}

/// A container, from the call that makes it to the one that removes it.
///
/// Its lock is held for moments only: what runs crun marks its phase first, so that everything else answers meanwhile.
final class Container: Sendable {
    enum Phase: Equatable {
        case creating
        case created
        case starting
        case running
        case removing
    }

    struct State {
        var phase = Phase.creating
        /// The name that the caller gave to the first process, beside the empty one.
        var firstID = ""
        var first: ContainerProcess?
        var others: [String: ContainerProcess] = [:]
        /// Names of processes that are being made.
        var coming: Set<String> = []
        /// Processes whose end somebody knows.
        var seen: Set<String> = []
        var storages: [AttachedStorage] = []
    }

    /// Processes beside the first that a container may have, ended ones that nobody has asked for included.
    static let maximumProcesses = 1024

    let id: String
    /// The directory with `config.json`.
    let bundle: String
    let cgroup: Cgroup
    /// Whether crun has something to run when the container is gone.
    let hasLastHooks: Bool
    let state = Monitor(State())

    init(id: String, bundle: String, hasLastHooks: Bool) {
        self.id = id
        self.bundle = bundle
        self.hasLastHooks = hasLastHooks
        cgroup = Cgroup(container: id)
    }

    /// The process of a name; the empty name, and the one given at its making, are the first.
    func process(_ execID: String) throws(AgentError) -> ContainerProcess {
        let found = state.withLock { state in
            execID.isEmpty || execID == state.firstID ? state.first : state.others[execID]
        }
        guard let found else {
            throw .notFound(
                execID.isEmpty ? "container \(id) has no process yet" : "process \(execID) of container \(id) not found"
            )
        }
        return found
    }

    /// Moves from one phase to another.
    func move(from: Set<Phase>, to: Phase) throws(AgentError) {
        try state.update { (state) throws(AgentError) in
            guard from.contains(state.phase) else { throw .badState("container \(id) is \(state.phase)") }
            state.phase = to
        }
    }

    /// Takes a name for a process to come.
    func reserve(_ execID: String) throws(AgentError) {
        try state.update { (state) throws(AgentError) in
            guard state.phase == .running || state.phase == .created else {
                throw .badState("container \(id) is \(state.phase)")
            }
            guard let first = state.first, first.end.value == nil else {
                throw .badState("container \(id) has stopped")
            }
            let isKnown = state.others[execID].map { $0.end.value == nil || !state.seen.contains(execID) } ?? false
            guard !isKnown, !state.coming.contains(execID), execID != state.firstID else {
                throw .exists("process \(execID) of container \(id) exists already")
            }
            if state.others.count + state.coming.count >= Self.maximumProcesses {
                for (name, process) in state.others where process.end.value != nil && state.seen.contains(name) {
                    state.others[name] = nil
                    state.seen.remove(name)
                }
            }
            guard state.others.count + state.coming.count < Self.maximumProcesses else {
                throw .exhausted("container \(id) has \(Self.maximumProcesses) processes that nobody has waited for")
            }
            state.coming.insert(execID)
        }
    }

    /// The process that took the name is there, or will never be.
    func settle(_ execID: String, _ process: ContainerProcess?) {
        state.update { state in
            state.coming.remove(execID)
            state.seen.remove(execID)
            state.others[execID] = process
        }
    }

    /// Somebody knows how the process ended; its name may be used again.
    func markSeen(_ execID: String) { state.update { if $0.others[execID] != nil { $0.seen.insert(execID) } } }

    /// The first process and all others.
    var processes: [ContainerProcess] {
        state.withLock { state in (state.first.map { [$0] } ?? []) + state.others.values }
    }
}

/// All containers, by name.
final class ContainerTable: Sendable {
    static let maximumCount = 256

    private let containers = Monitor<[String: Container]>([:])

    func add(_ container: Container) throws(AgentError) {
        try containers.update { (containers) throws(AgentError) in
            guard containers[container.id] == nil else { throw .exists("container \(container.id) exists already") }
            guard containers.count < Self.maximumCount else {
                throw .exhausted("there are \(containers.count) containers already")
            }
            containers[container.id] = container
        }
    }

    func remove(_ container: Container) {
        containers.update { if $0[container.id] === container { $0[container.id] = nil } }
    }

    func find(_ id: String) throws(AgentError) -> Container {
        guard let container = containers.withLock({ $0[id] }) else { throw .notFound("container \(id) not found") }
        return container
    }

    var all: [Container] { containers.withLock { Array($0.values) } }
}

/// Names from outside become file names and arguments.
enum Identifier {
    static func check(_ id: String, _ what: String) throws(AgentError) {
        let isPlain = id.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: ".") || byte == UInt8(ascii: "-")
        }
        guard isPlain, (1...128).contains(id.utf8.count), id.utf8.first != UInt8(ascii: "."),
            id.utf8.first != UInt8(ascii: "-")
        else {
            throw .invalid(
                "'\(id.prefix(140))' is no \(what) name: 1 to 128 of A-Z a-z 0-9 _ . - with neither . nor - first")
        }
    }
}
