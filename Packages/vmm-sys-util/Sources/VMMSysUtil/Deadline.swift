// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// A moment of the monotonic clock, to wait until or to measure from.
public struct Deadline: Comparable, Sendable {
    /// Nanoseconds of `CLOCK_MONOTONIC`, which starts with the machine.
    public let nanoseconds: Int64

    /// The moment at which `CLOCK_MONOTONIC` shows so many nanoseconds.
    public init(nanoseconds: Int64) { self.nanoseconds = nanoseconds }

    /// This moment.
    public static var now: Deadline {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return Deadline(nanoseconds: Int64(time.tv_sec) &* 1_000_000_000 &+ Int64(time.tv_nsec))
    }

    /// So long from now. What does not fit is as far away as can be, centuries.
    public init(after duration: Duration) { self.init(afterNanoseconds: duration.nanoseconds) }

    /// So long from now; a negative count has passed already.
    public init(afterNanoseconds count: Int64) {
        let (sum, overflow) = Self.now.nanoseconds.addingReportingOverflow(count)
        nanoseconds = overflow ? (count < 0 ? 0 : .max) : sum
    }

    /// Earlier than the other.
    public static func < (left: Deadline, right: Deadline) -> Bool { left.nanoseconds < right.nanoseconds }

    /// The time from the right one to the left one; zero where it does not fit.
    public static func - (left: Deadline, right: Deadline) -> Duration {
        let (difference, overflow) = left.nanoseconds.subtractingReportingOverflow(right.nanoseconds)
        return .nanoseconds(overflow ? 0 : difference)
    }

    /// The time since this moment; zero before it.
    public var elapsed: Duration { max(.zero, Self.now - self) }

    /// Nanoseconds from now; zero when it has passed.
    public var remainingNanoseconds: Int64 {
        let (difference, overflow) = nanoseconds.subtractingReportingOverflow(Self.now.nanoseconds)
        return overflow ? 0 : max(0, difference)
    }

    /// Whether it is now or was before.
    public var hasPassed: Bool { remainingNanoseconds == 0 }

    /// Milliseconds from now as `poll(2)` takes them: rounded up, so that nobody wakes too early and goes round and round.
    public var pollMilliseconds: Int32 {
        let (whole, rest) = remainingNanoseconds.quotientAndRemainder(dividingBy: 1_000_000)
        return Int32(clamping: whole + (rest > 0 ? 1 : 0))
    }

    /// For `pthread_cond_timedwait`.
    var timeSpecification: timespec {
        timespec(tv_sec: Int(nanoseconds / 1_000_000_000), tv_nsec: Int(nanoseconds % 1_000_000_000))
    }
}

extension Duration {
    /// Whole nanoseconds, rounded towards zero; what does not fit is the nearest that does.
    public var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, sumOverflow) = whole.addingReportingOverflow(attoseconds / 1_000_000_000)
        return sumOverflow ? (seconds < 0 ? .min : .max) : sum
    }

    /// Whole microseconds, rounded towards zero.
    public var microseconds: Int64 { nanoseconds / 1000 }

    /// Whole milliseconds, rounded towards zero.
    public var milliseconds: Int64 { nanoseconds / 1_000_000 }
}
