// SPDX-License-Identifier: Apache-2.0
internal import CVsock
internal import Glibc
internal import VMMSysUtil

/// One timer as a descriptor, in nanoseconds of the monotonic clock.
final class MonotonicTimer {
    let descriptor: FileDescriptor

    init() throws(Errno) {
        descriptor = FileDescriptor(
            owning: try retryOnInterrupt {
                timerfd_create(Int32(CLOCK_MONOTONIC), Int32(TFD_CLOEXEC) | Int32(TFD_NONBLOCK))
            })
    }

    static func now() -> UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// Fires once at that time, at once if it is past; nil for never.
    func set(_ deadline: UInt64?) {
        // All zero would turn it off.
        let deadline = deadline.map { max($0, 1) } ?? 0
        var value = itimerspec()
        value.it_value = timespec(
            tv_sec: time_t(clamping: deadline / 1_000_000_000), tv_nsec: Int(deadline % 1_000_000_000))
        // The arguments are right and the descriptor is ours, so there is no error to expect.
        _ = timerfd_settime(descriptor.rawValue, Int32(TFD_TIMER_ABSTIME), &value, nil)
    }

    /// Makes it unreadable again.
    func clear() {
        var count: UInt64 = 0
        _ = withUnsafeMutableBytes(of: &count) { Glibc.read(descriptor.rawValue, $0.baseAddress, 8) }
    }
}
