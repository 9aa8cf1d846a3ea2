// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// State that one thread at a time may touch, and on whose changes others wait.
///
/// `@unchecked`: the state is reached under the mutex only.
final class Monitor<State>: @unchecked Sendable {
    private var state: State
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)

    init(_ state: State) {
        self.state = state
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

    /// Runs the body alone, then wakes all who wait. It must not wait.
    func update<Result, Failure: Error>(_ body: (inout State) throws(Failure) -> Result) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer {
            pthread_cond_broadcast(condition)
            pthread_mutex_unlock(mutex)
        }
        return try body(&state)
    }

    /// Runs the body alone and wakes nobody.
    func read<Result, Failure: Error>(_ body: (inout State) throws(Failure) -> Result) throws(Failure) -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&state)
    }

    /// Waits until the body has an answer; it is asked now and after each update.
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
            var time = deadline.timespec
            // A signal that came with the end of the time is not lost: it is looked at once more.
            if pthread_cond_timedwait(condition, mutex, &time) == ETIMEDOUT { return body(&state) }
        }
    }
}

/// A moment of the monotonic clock.
struct Deadline: Sendable {
    private let nanoseconds: Int64

    /// So long from now; what does not fit is as far away as can be.
    init(after duration: Duration) {
        let (seconds, attoseconds) = duration.components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let (sum, sumOverflow) = Self.now().addingReportingOverflow(whole)
        let (end, endOverflow) = sum.addingReportingOverflow(attoseconds / 1_000_000_000)
        nanoseconds = overflow || sumOverflow || endOverflow ? .max : end
    }

    /// Nanoseconds of the monotonic clock.
    static func now() -> Int64 {
        var time = Glibc.timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec)
    }

    /// Milliseconds from now, rounded up; zero when it has passed.
    var milliseconds: Int32 {
        let (left, overflow) = nanoseconds.subtractingReportingOverflow(Self.now())
        guard !overflow, left > 0 else { return 0 }
        return Int32(clamping: (left - 1) / 1_000_000 + 1)
    }

    var hasPassed: Bool { milliseconds == 0 }

    var timespec: timespec {
        var time = Glibc.timespec()
        time.tv_sec = Int(nanoseconds / 1_000_000_000)
        time.tv_nsec = Int(nanoseconds % 1_000_000_000)
        return time
    }
}
