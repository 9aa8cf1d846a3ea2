// SPDX-License-Identifier: Apache-2.0
internal import CEventManager
internal import Glibc
public import VMMSysUtil

/// A `timerfd(2)`: a timer that is waited for as a descriptor.
public struct TimerFD: ~Copyable, Sendable {
    /// What counts the time.
    public enum Clock: Sendable {
        /// Never set, stands still while the machine sleeps.
        case monotonic
        /// Never set, goes on while the machine sleeps.
        case bootTime
        /// The time of day, which may be set.
        case realTime
    }

    /// Readable when the timer has fired.
    public let descriptor: FileDescriptor

    /// Makes a timer that is not set; close-on-exec, non-blocking.
    public init(clock: Clock = .monotonic) throws(Errno) {
        let number =
            switch clock {
            case .monotonic: CLOCK_MONOTONIC
            case .bootTime: CLOCK_BOOTTIME
            case .realTime: CLOCK_REALTIME
            }
        descriptor = FileDescriptor(
            owning: try retryOnInterrupt {
                timerfd_create(Int32(number), Int32(TFD_CLOEXEC) | Int32(TFD_NONBLOCK))
            })
    }

    /// Sets the timer, in place of what was set.
    ///
    /// - Parameters:
    ///   - delay: until it first fires; zero or less fires at once.
    ///   - interval: between later times; nil or zero for none.
    public borrowing func set(after delay: Duration, every interval: Duration? = nil) throws(Errno) {
        // A first expiry of zero would mean "off" to the kernel.
        try settime(max(delay, .nanoseconds(1)), interval.map { max($0, .zero) } ?? .zero)
    }

    /// Turns the timer off. What it has fired and nobody has read is forgotten.
    public borrowing func disarm() throws(Errno) { try settime(.zero, .zero) }

    /// Takes how often it fired since the last read.
    /// - Returns: zero if it has not.
    @discardableResult
    public borrowing func read() throws(Errno) -> UInt64 {
        var count: UInt64 = 0
        do throws(Errno) {
            _ = try withUnsafeMutableBytes(of: &count) { buffer throws(Errno) in try descriptor.read(into: buffer) }
        } catch .wouldBlock {
            return 0
        }
        return count
    }

    private borrowing func settime(_ delay: Duration, _ interval: Duration) throws(Errno) {
        var value = itimerspec(it_interval: timespec(interval), it_value: timespec(delay))
        let number = descriptor.rawValue
        try retryOnInterrupt { timerfd_settime(number, 0, &value, nil) }
    }
}

extension timespec {
    fileprivate init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(tv_sec: time_t(seconds), tv_nsec: Int(attoseconds / 1_000_000_000))
    }
}
