// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// State that one thread at a time may touch, and on whose changes others wait.
///
/// `@unchecked`: the state is reached under the mutex only.
final class Monitor<State>: @unchecked Sendable {
    private struct Primitives {
        var mutex = pthread_mutex_t()
        var condition = pthread_cond_t()
    }

    private var state: State
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private let condition: UnsafeMutablePointer<pthread_cond_t>
    /// One allocation for both; they must not move.
    private let primitives: UnsafeMutablePointer<Primitives>

    init(_ state: State) {
        self.state = state
        primitives = .allocate(capacity: 1)
        primitives.initialize(to: Primitives())
        let raw = UnsafeMutableRawPointer(primitives)
        mutex = raw.assumingMemoryBound(to: pthread_mutex_t.self)
        // The stride of the first, rounded to the alignment of the second, is where the second lies.
        let alignment = MemoryLayout<pthread_cond_t>.alignment
        let offset = (MemoryLayout<pthread_mutex_t>.size + alignment - 1) / alignment * alignment
        condition = (raw + offset).assumingMemoryBound(to: pthread_cond_t.self)
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        primitives.deallocate()
    }

    /// Runs the body alone. It must not call out, nor wait.
    func withLock<Result, Failure: Error>(_ body: (inout State) throws(Failure) -> Result) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Waits until the body has an answer; it is asked now and after each signal.
    /// - Returns: nil when the deadline passed first.
    func wait<Result>(until deadline: Deadline? = nil, _ body: (inout State) -> Result?) -> Result? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        while true {
            if let result = body(&state) { return result }
            guard let deadline else {
                pthread_cond_wait(condition, mutex)
                continue
            }
            var time = deadline.timeSpecification
            // A signal that came with the end of the time is not lost: it is looked at once more.
            if pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT { return body(&state) }
        }
    }

    /// Wakes one who waits.
    func signal() { pthread_cond_signal(condition) }

    /// Wakes all who wait.
    func broadcast() { pthread_cond_broadcast(condition) }
}
