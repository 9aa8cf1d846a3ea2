// SPDX-License-Identifier: Apache-2.0
internal import CVirtioDevices
internal import Glibc
public import VMMSysUtil
public import VirtioModel

/// A clock that is never set, in nanoseconds, with one alarm on a device's thread.
public protocol DeviceTimer: AnyObject {
    /// The time.
    var now: UInt64 { get }
    /// Has `handler` called on the device's thread when the alarm goes off, until the source is removed.
    func watch(with events: any EventRegistry, _ handler: @escaping () -> Void) throws(Errno) -> any EventSource
    /// Sets the alarm, in place of what was set: once at that time, soon if it is past; nil for never.
    func set(_ time: UInt64?)
}

/// The host's monotonic clock and a `timerfd(2)`.
public final class MonotonicTimer: DeviceTimer {
    private let descriptor: FileDescriptor

    /// Opens a timer that is not set; close-on-exec, non-blocking.
    public init() throws(Errno) {
        descriptor = FileDescriptor(
            owning: try retryOnInterrupt {
                timerfd_create(Int32(CLOCK_MONOTONIC), Int32(TFD_CLOEXEC) | Int32(TFD_NONBLOCK))
            })
    }

    /// The time since the host started.
    public var now: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }

    /// Watches the descriptor.
    public func watch(
        with events: any EventRegistry, _ handler: @escaping () -> Void
    ) throws(Errno) -> any EventSource {
        try events.watch(descriptor, for: .read) { [weak self] _ in
            guard let self else { return }
            var count: UInt64 = 0
            // Nothing there: the alarm was set anew after the loop saw it, and goes off again.
            guard withUnsafeMutableBytes(of: &count, { Glibc.read(self.descriptor.rawValue, $0.baseAddress, 8) }) == 8
            else { return }
            handler()
        }
    }

    /// Sets the descriptor.
    public func set(_ time: UInt64?) {
        // All zero would turn it off.
        let time = time.map { max($0, 1) } ?? 0
        var value = itimerspec()
        value.it_value = timespec(tv_sec: time_t(clamping: time / 1_000_000_000), tv_nsec: Int(time % 1_000_000_000))
        // The arguments are right and the descriptor is ours, so there is no error to expect.
        _ = timerfd_settime(descriptor.rawValue, Int32(TFD_TIMER_ABSTIME), &value, nil)
    }
}
