// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

/// Threads that run one job after another. A job never waits behind another one: with nobody idle there is a new thread,
/// so jobs that block for ever starve nobody. How many there may be is for those to bound who bring the jobs.
final class WorkerPool: Sendable {
    typealias Job = @Sendable () -> Void

    private struct State {
        var idleCount = 0
        /// Never more than there are idle threads.
        var jobs: [Job] = []
    }

    private let state = Monitor(State())
    private let name: String
    private let stackByteCount: Int
    private let keptCount: Int
    /// How long a thread waits for its next job before it ends.
    private let patience: Duration

    init(name: String, stackByteCount: Int, keptCount: Int = 4, patience: Duration = .seconds(5)) {
        self.name = name
        self.stackByteCount = stackByteCount
        self.keptCount = keptCount
        self.patience = patience
    }

    /// Runs a job soon, on a thread that has nothing else to do.
    /// - Throws: the error of making a thread; the job does not run then.
    func run(_ job: @escaping Job) throws(Errno) {
        let isTaken = state.withLock { state in
            guard state.jobs.count < state.idleCount else { return false }
            state.jobs.append(job)
            return true
        }
        if isTaken {
            state.signal()
            return
        }
        _ = try Thread(name: name, stackByteCount: stackByteCount) { [self] in
            job()
            serve()
        }
    }

    private func serve() {
        while let job = nextJob() { job() }
    }

    private func nextJob() -> Job? {
        let isKept = state.withLock { state in
            guard state.idleCount < keptCount else { return false }
            state.idleCount += 1
            return true
        }
        guard isKept else { return nil }
        // Whoever takes a job stops being idle in the same moment: nobody may count on a thread that is busy already.
        let job = state.wait(until: Deadline(after: patience)) { state -> Job? in
            guard let job = state.jobs.popLast() else { return nil }
            state.idleCount -= 1
            return job
        }
        if let job { return job }
        return state.withLock { state in
            state.idleCount -= 1
            return state.jobs.popLast()
        }
    }
}
