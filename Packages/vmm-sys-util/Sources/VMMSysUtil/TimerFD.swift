// SPDX-License-Identifier: Apache-2.0
internal import CVMMSysUtil
internal import Glibc

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
        descriptor = FileDescriptor(owning: try retryOnInterrupt { vmm_timer_create(Int32(number)) })
    }

    /// Sets the timer, in place of what was set.
    ///
    /// - Parameters:
    ///   - delay: until it first fires; zero or less fires at once.
    ///   - interval: between later times; nil or zero for none.
    public borrowing func set(after delay: Duration, every interval: Duration? = nil) throws(Errno) {
        // A first expiry of zero would mean "off" to the kernel.
        try set(max(1, delay.nanoseconds), every: max(0, interval?.nanoseconds ?? 0))
    }

    /// Sets the timer to fire once, in place of what was set: at that moment, at once if it has passed.
    ///
    /// For ``Clock/monotonic``, which is the clock of a ``Deadline``.
    public borrowing func set(at deadline: Deadline) throws(Errno) {
        try set(max(1, deadline.nanoseconds), isAbsolute: true)
    }

    /// Turns the timer off. What it has fired and nobody has read is forgotten.
    public borrowing func disarm() throws(Errno) { try set(0) }

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

    private borrowing func set(_ first: Int64, every interval: Int64 = 0, isAbsolute: Bool = false) throws(Errno) {
        let number = descriptor.rawValue
        try retryOnInterrupt {
            vmm_timer_set(number, isAbsolute ? 1 : 0, UInt64(clamping: first), UInt64(clamping: interval))
        }
    }
}
