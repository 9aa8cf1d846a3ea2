// SPDX-License-Identifier: Apache-2.0
internal import CNestAgent
internal import Glibc
internal import TTRPC
internal import VMMSysUtil

/// How a process ended, for all who wait for it.
final class ProcessEnd: Sendable {
    let pid: pid_t
    private let status = Monitor<Int32?>(nil)

    init(pid: pid_t) { self.pid = pid }

    /// Exit code, or 128 + signal; nil while it runs.
    var value: Int32? { status.withLock { $0 } }

    fileprivate func set(_ value: Int32) { status.update { $0 = value } }

    /// Waits for the end, until the time is over or nobody wants to know any more.
    func wait(until deadline: Deadline? = nil, call: TTRPCCall? = nil) throws(AgentError) -> Int32 {
        call?.onCancel { [status] in status.update { _ in } }
        let answer: Int32?? = status.wait(until: deadline ?? call?.timeRemaining.map { Deadline(after: $0) }) { value in
            if let value { return .some(value) }
            return call?.isCancelled ?? false ? .some(nil) : nil
        }
        switch answer {
        case .some(.some(let value)): return value
        case .some(.none): throw .cancelled
        case .none: throw .timedOut("process \(pid) has not ended in time")
        }
    }
}

/// Reaps every child, of our own and adopted, and tells those who wait.
///
/// A container's first process is nobody's but crun's until crun has ended, and then ours; by when we know its number it may
/// have ended. So while somebody may still claim a process, the ends of unknown ones are kept.
final class Reaper: Sendable {
    private struct State {
        var known: [pid_t: ProcessEnd] = [:]
        var unclaimed: [pid_t: Int32] = [:]
        var claimants = 0
        var spawned = 0
    }

    private let state = Monitor(State())
    private let log: AgentLog

    init(log: AgentLog) { self.log = log }

    /// Reaps from now on.
    func start() throws(Errno) {
        // The last owner of the thread's handle lets it go: it runs as long as the process.
        _ = try Thread(name: "reaper", stackByteCount: 128 << 10) { [self] in
            while true { reapNext() }
        }
    }

    private func reapNext() {
        let seen = state.withLock { $0.spawned }
        let pid = nest_ended_child()
        guard pid > 0 else {
            // Without a child there is no orphan to come either: wait for the next start.
            if errno == ECHILD { _ = state.wait { $0.spawned != seen ? true : nil } }
            return
        }
        let end: (ProcessEnd, Int32)? = state.update { state in
            var status: Int32 = 0
            // Under the lock: whoever signals a process finds it either running, or a zombie, or known to have ended.
            guard waitpid(pid, &status, WNOHANG) == pid else { return nil }
            let value = nest_exit_status(status)
            if let end = state.known.removeValue(forKey: pid) { return (end, value) }
            if state.claimants > 0 { state.unclaimed[pid] = value }
            return nil
        }
        if let (end, value) = end { end.set(value) }
    }

    /// Runs a body in which processes may be claimed that were started within it.
    func claiming<Result, Failure: Error>(_ body: () throws(Failure) -> Result) throws(Failure) -> Result {
        state.update { $0.claimants += 1 }
        defer {
            state.update { state in
                state.claimants -= 1
                if state.claimants == 0 { state.unclaimed = [:] }
            }
        }
        return try body()
    }

    /// Takes note of a process, within `claiming`.
    func claim(_ pid: pid_t) -> ProcessEnd {
        let end = ProcessEnd(pid: pid)
        let value: Int32? = state.update { state in
            state.spawned &+= 1
            if let value = state.unclaimed.removeValue(forKey: pid) { return value }
            state.known[pid] = end
            return nil
        }
        if let value { end.set(value) }
        return end
    }

    /// Sends a signal to a process that has not been reaped; its number cannot have become another's meanwhile.
    func signal(_ end: ProcessEnd, _ number: Int32) throws(AgentError) {
        try state.withLock { (state) throws(AgentError) in
            guard state.known[end.pid] === end else { throw .notFound("process already finished") }
            try system("signal", "process \(end.pid)") { kill(end.pid, number) }
        }
    }
}
