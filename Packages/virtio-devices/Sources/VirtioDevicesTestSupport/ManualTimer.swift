// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil
public import VirtioDevices
public import VirtioModel

/// A clock that goes on when the test says so.
public final class ManualTimer: DeviceTimer {
    /// The time.
    public private(set) var now: UInt64
    /// When the alarm goes off.
    public private(set) var alarm: UInt64?
    /// How often it went off.
    public private(set) var alarmCount = 0
    private var source: Source?

    private final class Source: EventSource {
        var handler: (() -> Void)?
        init(_ handler: @escaping () -> Void) { self.handler = handler }
        func setInterest(_ interest: EventSet) throws(Errno) {}
        func remove() { handler = nil }
    }

    /// Stands still.
    public init(now: UInt64 = 0) { self.now = now }

    /// Whether somebody would hear the alarm.
    public var isWatched: Bool { source?.handler != nil }

    /// Keeps the handler, in place of the one before.
    public func watch(
        with events: any EventRegistry, _ handler: @escaping () -> Void
    ) throws(Errno) -> any EventSource {
        let source = Source(handler)
        self.source = source
        return source
    }

    /// Sets the alarm.
    public func set(_ time: UInt64?) { alarm = time }

    /// Goes on to a time, or stays; every alarm on the way goes off at its own time.
    public func advance(to time: UInt64) {
        while let alarm, alarm <= max(time, now) {
            now = max(now, alarm)
            self.alarm = nil
            alarmCount += 1
            source?.handler?()
        }
        now = max(now, time)
    }
}
