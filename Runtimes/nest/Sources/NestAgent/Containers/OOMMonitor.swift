// SPDX-License-Identifier: Apache-2.0
internal import CNestAgent
internal import Glibc
internal import TTRPC
internal import VMMSysUtil

/// Tells in which containers the kernel has killed a process for want of memory.
final class OOMMonitor: Sendable {
    private struct State {
        var watched: [Int32: Container] = [:]
        var counts: [String: UInt64] = [:]
        /// Names of containers; what nobody fetches is no more than one for each.
        var events: [String] = []
    }

    private let state = Monitor(State())
    private let notices: FileDescriptor
    private let log: AgentLog

    init(log: AgentLog) throws(AgentError) {
        notices = FileDescriptor(owning: try system("make", "an inotify") { inotify_init1(Int32(IN_CLOEXEC)) })
        self.log = log
    }

    /// Watches from now on.
    func start() throws(Errno) {
        _ = try Thread(name: "oom", stackByteCount: 128 << 10) { [self] in
            var buffer = [UInt8](repeating: 0, count: 4096)
            while true {
                let number = notices.rawValue
                guard let count = try? retryOnInterrupt({ read(number, &buffer, 4096) }), count > 0 else { return }
                // Which of the few it was costs less to ask than to decode.
                for container in state.withLock({ Array($0.watched.values) }) { check(container) }
            }
        }
    }

    func watch(_ container: Container) {
        let watch = inotify_add_watch(
            notices.rawValue, "\(container.cgroup.directory)/memory.events", UInt32(IN_MODIFY))
        if watch >= 0 { state.update { $0.watched[watch] = container } }
    }

    func forget(_ container: Container) {
        let watch = state.update { state in
            state.counts[container.id] = nil
            let watch = state.watched.first { $0.value === container }?.key
            if let watch { state.watched[watch] = nil }
            return watch
        }
        if let watch { inotify_rm_watch(notices.rawValue, watch) }
    }

    /// Looks whether there was a kill since the last look.
    func check(_ container: Container) {
        let count = container.cgroup.numbers("memory.events")["oom_kill"] ?? 0
        state.update { state in
            guard count > state.counts[container.id] ?? 0 else { return }
            state.counts[container.id] = count
            if !state.events.contains(container.id) { state.events.append(container.id) }
        }
    }

    /// Waits for the next container in which there was a kill.
    func next(_ call: TTRPCCall) throws(AgentError) -> String {
        call.onCancel { [state] in state.update { _ in } }
        let answer: String?? = state.wait(until: call.timeRemaining.map { Deadline(after: $0) }) { state in
            if call.isCancelled { return .some(nil) }
            return state.events.isEmpty ? nil : .some(state.events.removeFirst())
        }
        switch answer {
        case .some(.some(let id)): return id
        case .some(.none): throw .cancelled
        case .none: throw .timedOut("no container ran out of memory")
        }
    }
}
