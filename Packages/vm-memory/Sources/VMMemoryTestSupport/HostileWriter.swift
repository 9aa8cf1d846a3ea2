// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import Synchronization
public import VMMemory

/// A thread that changes guest memory all the time, as a guest does that attacks the host between its check of a value
/// and its use.
public final class HostileWriter: Sendable {
    private let state: Shared
    private let thread: Mutex<pthread_t?>

    private final class Shared: Sendable {
        let isStopped = Atomic<Bool>(false)
        let rounds = Atomic<UInt64>(0)
        let body: @Sendable (UInt64) -> Void

        init(_ body: @escaping @Sendable (UInt64) -> Void) { self.body = body }
    }

    /// Calls `body` on a thread of its own, with 0, 1, 2, ..., until `stop()` or the end of this object.
    public init(_ body: @escaping @Sendable (_ round: UInt64) -> Void) {
        let state = Shared(body)
        self.state = state
        var thread = pthread_t()
        let argument = Unmanaged.passRetained(state).toOpaque()
        let status = pthread_create(
            &thread, nil,
            { argument in
                guard let argument else { return nil }
                let state = Unmanaged<Shared>.fromOpaque(argument).takeRetainedValue()
                while !state.isStopped.load(ordering: .acquiring) {
                    state.body(state.rounds.load(ordering: .relaxed))
                    // Counted when it is done: who waits for a round may rely on its writes.
                    state.rounds.wrappingAdd(1, ordering: .releasing)
                }
                return nil
            }, argument)
        if status != 0 { Unmanaged<Shared>.fromOpaque(argument).release() }
        self.thread = Mutex(status == 0 ? thread : nil)
    }

    /// Writes the values to one address in turn.
    public convenience init<T: GuestInteger>(_ memory: GuestMemory, at address: GuestAddress, _ values: [T]) {
        self.init { round in
            guard !values.isEmpty else { return }
            try? memory.store(values[Int(round % UInt64(values.count))], at: address)
        }
    }

    /// Writes random bytes to random addresses of a range.
    public convenience init(_ memory: GuestMemory, scribblingOn range: GuestRange, seed: UInt64) {
        self.init { round in
            guard !range.isEmpty else { return }
            var random = SeededRandom(seed: seed &+ round)
            let offset = random.next() % range.byteCount
            try? memory.store(
                UInt8(truncatingIfNeeded: random.next()), at: GuestAddress(range.start.rawValue &+ offset))
        }
    }

    /// How often it has written.
    public var rounds: UInt64 { state.rounds.load(ordering: .acquiring) }

    /// Waits until it has written that often.
    public func waitForRounds(_ count: UInt64) {
        while rounds < count { sched_yield() }
    }

    /// Ends the thread and waits for its end.
    public func stop() {
        state.isStopped.store(true, ordering: .releasing)
        let thread = thread.withLock { thread in
            let old = thread
            thread = nil
            return old
        }
        if let thread { pthread_join(thread, nil) }
    }

    deinit { stop() }
}
