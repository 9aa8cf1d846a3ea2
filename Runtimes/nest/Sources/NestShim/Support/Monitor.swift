// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// A value behind a lock, whose changes wake whoever waits for one.
final class Monitor<State>: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private var state: State

    init(_ state: sending State) {
        self.state = state
        mutex.initialize(to: pthread_mutex_t())
        condition.initialize(to: pthread_cond_t())
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
        condition.deallocate()
        mutex.deallocate()
    }

    /// Reads or changes the value, then wakes all who wait.
    func withLock<Result, Failure: Error>(
        _ body: (inout State) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try body(&state)
    }

    /// Waits until the body finds what it looks for; it is asked at once and after each change.
    /// - Returns: nil when the time is over first.
    func wait<Result>(timeout: Duration? = nil, until body: (inout State) -> Result?) -> Result? {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        var deadline = timeout.map { Clock.deadline(after: $0) }
        while true {
            if let result = body(&state) { return result }
            if deadline == nil {
                pthread_cond_wait(condition, mutex)
            } else if var limit = deadline, pthread_cond_timedwait(condition, mutex, &limit) == ETIMEDOUT {
                deadline = nil
                return body(&state)
            }
        }
    }
}

/// The two clocks that the shim reads.
enum Clock {
    static func deadline(after duration: Duration) -> timespec {
        var now = timespec()
        clock_gettime(CLOCK_MONOTONIC, &now)
        let (seconds, attoseconds) = duration.components
        now.tv_sec += Int(clamping: max(0, min(seconds, 1 << 32)))
        now.tv_nsec += Int(max(0, attoseconds) / 1_000_000_000)
        if now.tv_nsec >= 1_000_000_000 {
            now.tv_nsec -= 1_000_000_000
            now.tv_sec += 1
        }
        return now
    }

    /// Seconds and nanoseconds since 1970.
    static func now() -> (seconds: Int64, nanoseconds: Int32) {
        var now = timespec()
        clock_gettime(CLOCK_REALTIME, &now)
        return (Int64(now.tv_sec), Int32(now.tv_nsec))
    }

    static func sleep(_ duration: Duration) {
        var time = timespec()
        time.tv_sec = Int(clamping: max(0, duration.components.seconds))
        time.tv_nsec = Int(max(0, duration.components.attoseconds) / 1_000_000_000)
        nanosleep(&time, nil)
    }
}
