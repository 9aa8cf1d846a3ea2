// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

/// Time as the device's deadlines count it, in nanoseconds: that of the monotonic clock, but it stands still while the
/// machine is paused. So a guest that could not answer is not late.
struct DeviceClock {
    private var stoppedTime: UInt64?
    /// How long it stood still in all.
    private var lag: UInt64 = 0

    var isStopped: Bool { stoppedTime != nil }

    var now: UInt64 { (stoppedTime ?? Self.monotonicTime) &- lag }

    private static var monotonicTime: UInt64 { UInt64(clamping: Deadline.now.nanoseconds) }

    /// So long from now; what is negative is now.
    func time(after duration: Duration) -> UInt64 { now &+ UInt64(max(0, duration.nanoseconds)) }

    /// When the monotonic clock will show what this one calls `time`, if it is not stopped until then.
    func moment(of time: UInt64) -> Deadline { Deadline(nanoseconds: Int64(clamping: time &+ lag)) }

    mutating func stop() {
        if stoppedTime == nil { stoppedTime = Self.monotonicTime }
    }

    mutating func start() {
        guard let stoppedTime else { return }
        lag &+= Self.monotonicTime &- stoppedTime
        self.stoppedTime = nil
    }
}
