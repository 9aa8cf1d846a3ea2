// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// A moment of the monotonic clock.
struct Deadline: Comparable, Sendable {
    /// Nanoseconds of `CLOCK_MONOTONIC`.
    private let nanoseconds: Int64

    private init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    static var now: Deadline {
        var time = Glibc.timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Deadline(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
    }

    /// So long from now. What does not fit is as far away as can be, centuries.
    init(after duration: Duration) { self.init(afterNanoseconds: duration.nanoseconds) }

    init(afterNanoseconds count: Int64) {
        let (sum, overflow) = Self.now.nanoseconds.addingReportingOverflow(count)
        nanoseconds = overflow ? (count < 0 ? 0 : .max) : sum
    }

    static func < (left: Deadline, right: Deadline) -> Bool { left.nanoseconds < right.nanoseconds }

    /// Nanoseconds from now; zero when it has passed.
    var remainingNanoseconds: Int64 {
        let (difference, overflow) = nanoseconds.subtractingReportingOverflow(Self.now.nanoseconds)
        return overflow ? 0 : max(0, difference)
    }

    var hasPassed: Bool { remainingNanoseconds == 0 }

    /// For `poll`: rounded up, so that nobody wakes too early and goes round and round.
    var pollMilliseconds: Int32 {
        let (whole, rest) = remainingNanoseconds.quotientAndRemainder(dividingBy: 1_000_000)
        return Int32(clamping: whole + (rest > 0 ? 1 : 0))
    }

    /// For `pthread_cond_timedwait`.
    var timeSpecification: timespec {
        var time = Glibc.timespec()
        time.tv_sec = Int(nanoseconds / 1_000_000_000)
        time.tv_nsec = Int(nanoseconds % 1_000_000_000)
        return time
    }
}

extension Duration {
    /// Rounded towards zero; what does not fit is the nearest that does.
    var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, sumOverflow) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return sumOverflow ? (seconds < 0 ? .min : .max) : sum
    }
}
