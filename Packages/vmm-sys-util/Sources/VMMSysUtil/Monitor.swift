// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// State that one thread at a time may touch, and on whose changes others wait: a mutex and a condition.
///
/// `Mutex` of the standard library is the better choice where nobody waits.
public final class Monitor<State>: @unchecked Sendable {
    // `@unchecked`: the state is reached under the mutex only.
    @usableFromInline var state: State
    @usableFromInline let lock: ConditionLock

    /// Guards this state.
    public init(_ state: sending State) {
        self.state = state
        lock = ConditionLock()
    }

    deinit { lock.destroy() }

    /// Runs the body alone and wakes nobody. It must not call out, nor wait.
    @inlinable
    public func withLock<Result, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock.lock()
        defer { lock.unlock() }
        return try body(&state)
    }

    /// Runs the body alone, then wakes all who wait. It must not call out, nor wait.
    @inlinable
    public func update<Result, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        lock.lock()
        defer {
            lock.broadcast()
            lock.unlock()
        }
        return try body(&state)
    }

    /// Waits until the body has an answer, for as long as it takes; it is asked now and whenever somebody wakes.
    @inlinable
    public func wait<Result>(_ body: (inout State) -> Result?) -> Result {
        lock.lock()
        defer { lock.unlock() }
        while true {
            if let result = body(&state) { return result }
            _ = lock.wait(until: nil)
        }
    }

    /// Waits no longer than until the deadline; nil for as long as it takes.
    /// - Returns: nil when the deadline passed first.
    @inlinable
    public func wait<Result>(until deadline: Deadline?, _ body: (inout State) -> Result?) -> Result? {
        lock.lock()
        defer { lock.unlock() }
        while true {
            if let result = body(&state) { return result }
            // A signal that came with the end of the time is not lost: it is looked at once more.
            if !lock.wait(until: deadline) { return body(&state) }
        }
    }

    /// Waits no longer than this; nil for as long as it takes.
    @inlinable
    public func wait<Result>(timeout: Duration?, _ body: (inout State) -> Result?) -> Result? {
        wait(until: timeout.map { Deadline(after: $0) }, body)
    }

    /// Wakes one who waits.
    public func signal() { lock.signal() }

    /// Wakes all who wait.
    public func broadcast() { lock.broadcast() }
}

/// A mutex with a condition. They must not move, so they lie in memory of their own until `destroy`.
@usableFromInline
struct ConditionLock {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>

    init() {
        mutex = .allocate(capacity: 1)
        condition = .allocate(capacity: 1)
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    func destroy() {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    @usableFromInline func lock() { pthread_mutex_lock(mutex) }
    @usableFromInline func unlock() { pthread_mutex_unlock(mutex) }
    @usableFromInline func signal() { pthread_cond_signal(condition) }
    @usableFromInline func broadcast() { pthread_cond_broadcast(condition) }

    /// - Returns: false when the deadline passed.
    @usableFromInline func wait(until deadline: Deadline?) -> Bool {
        guard let deadline else {
            pthread_cond_wait(condition, mutex)
            return true
        }
        var time = deadline.timeSpecification
        return pthread_cond_timedwait(condition, mutex, &time) != ETIMEDOUT
    }
}
