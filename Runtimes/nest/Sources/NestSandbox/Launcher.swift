// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
public import VMMSysUtil

/// Starts the threads that start programs.
///
/// A filter of system calls is inherited by threads and over exec. A container's process, the VMM, a builder of images must have
/// none of ours, so what starts them must have none either: one thread from before the filters, which does nothing but start others.
/// In a process without filters the calling thread starts them itself.
public final class Launcher: Sendable {
    private typealias Job = @Sendable () -> Void

    private struct State: Sendable {
        var isRunning = false
        var jobs: [Job] = []
    }

    /// The process's.
    public static let shared = Launcher()

    private let state = Monitor(State())

    private init() {}

    /// Starts the launcher's thread, on a thread that has no filter yet. The second time nothing happens.
    public func start() throws(Errno) {
        let isFirst = state.withLock { state in
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard isFirst else { return }
        do throws(Errno) {
            _ = try Thread(name: "launcher", stackByteCount: 128 << 10) { [self] in
                while true { next()() }
            }
        } catch {
            state.withLock { $0.isRunning = false }
            throw error
        }
    }

    private func next() -> Job { state.wait { $0.jobs.isEmpty ? nil : $0.jobs.removeFirst() } }

    /// Starts a thread that has no filter.
    ///
    /// - Parameters:
    ///   - name: as `Thread` takes it.
    ///   - stackByteCount: likewise.
    ///   - blockedSignals: likewise.
    ///   - body: what it runs. It reads nothing that a guest wrote.
    public func startThread(
        _ name: String, stackByteCount: Int? = nil, blockedSignals: SignalSet? = nil,
        _ body: @escaping @Sendable () -> Void
    ) throws(Errno) {
        let outcome = Monitor<Result<Void, Errno>?>(nil)
        let job: Job = {
            do throws(Errno) {
                _ = try Thread(
                    name: name, stackByteCount: stackByteCount, blockedSignals: blockedSignals, body)
                outcome.update { $0 = .success(()) }
            } catch { outcome.update { $0 = .failure(error) } }
        }
        let isQueued = state.update { state in
            if state.isRunning { state.jobs.append(job) }
            return state.isRunning
        }
        if !isQueued { job() }
        try outcome.wait { $0 }.get()
    }

    /// Runs the body on such a thread and waits for what it gives.
    ///
    /// - Parameters:
    ///   - name: as `Thread` takes it.
    ///   - stackByteCount: likewise. The usual 8 MiB may take 2 MiB of memory, where each large mapping gets huge pages.
    ///   - blockedSignals: likewise.
    ///   - body: what it runs.
    public func run<Value: Sendable>(
        _ name: String, stackByteCount: Int? = 256 << 10, blockedSignals: SignalSet? = nil,
        _ body: @escaping @Sendable () -> Value
    ) throws(Errno) -> Value {
        let answer = Monitor<Value?>(nil)
        try startThread(name, stackByteCount: stackByteCount, blockedSignals: blockedSignals) {
            let value = body()
            answer.update { $0 = value }
        }
        return answer.wait { $0 }
    }
}
