// SPDX-License-Identifier: Apache-2.0
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
    private let timer: TimerFD

    /// Opens a timer that is not set; close-on-exec, non-blocking.
    public init() throws(Errno) { timer = try TimerFD() }

    /// The time since the host started.
    public var now: UInt64 { UInt64(clamping: Deadline.now.nanoseconds) }

    /// Watches the descriptor.
    public func watch(
        with events: any EventRegistry, _ handler: @escaping () -> Void
    ) throws(Errno) -> any EventSource {
        try events.watch(timer.descriptor, for: .read) { [weak self] _ in
            // Nothing there: the alarm was set anew after the loop saw it, and goes off again.
            guard let self, let count = try? self.timer.read(), count > 0 else { return }
            handler()
        }
    }

    /// Sets the descriptor.
    public func set(_ time: UInt64?) {
        // The arguments are right and the descriptor is ours, so there is no error to expect.
        if let time { try? timer.set(at: Deadline(nanoseconds: Int64(clamping: time))) } else { try? timer.disarm() }
    }
}
