// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil
internal import VirtioModel

/// A rate limiter at work in a device: the queue stops when the limits say so, and an alarm has it go on.
///
/// While the queue waits, its doorbell is off and its chain is back in the ring; the alarm serves it, so that no
/// doorbell is needed and none gets lost. The buckets outlive a reset: a guest gains nothing by one.
public final class Throttle {
    private var limiter: RateLimiter
    private let timer: any DeviceTimer
    private var source: (any EventSource)?
    /// When the queue goes on; nil if it is not waiting.
    private var resumesAt: UInt64?
    /// The time of this turn: one look at the clock serves many requests.
    private var now: UInt64

    /// Makes a limiter with full buckets.
    public init(_ limits: RateLimits, timer: any DeviceTimer) {
        self.timer = timer
        now = timer.now
        limiter = RateLimiter(limits, at: now)
    }

    /// Makes a limiter over the host's clock.
    public convenience init(_ limits: RateLimits) throws(Errno) { self.init(limits, timer: try MonotonicTimer()) }

    /// The limits.
    public var limits: RateLimits { limiter.limits }

    /// Changes limits; a queue that waits is served soon, and then waits by the new ones.
    public func update(bandwidth: RateChange, operations: RateChange) {
        now = timer.now
        limiter.refill(at: now)
        limiter.update(bandwidth: bandwidth, operations: operations, at: now)
        if resumesAt != nil { wait(until: now) }
    }

    /// What to save.
    public var state: ThrottleState {
        var current = limiter
        current.refill(at: timer.now)
        return current.state
    }

    /// Fills the buckets as they were when the state was saved.
    /// - Parameter state: of the same limits; it is checked.
    public func restore(_ state: ThrottleState) throws(ThrottleStateError) {
        now = timer.now
        try limiter.restore(state, at: now)
    }

    /// Begins to serve one queue.
    /// - Parameter serve: serves it. What is left after its turn is served at the next alarm, which is at once.
    func start(_ events: any EventRegistry, _ serve: @escaping () -> QueueService) throws(Errno) {
        stop()
        source = try timer.watch(with: events) { [weak self] in
            guard let self, self.resumesAt != nil else { return }
            // An alarm that came early is set anew by `beginTurn`.
            if serve() == .again { self.wait(until: self.now) }
        }
    }

    /// Ends it. What is in the buckets stays.
    func stop() {
        source?.remove()
        source = nil
        cancel()
    }

    /// Forgets that the queue waits.
    func cancel() {
        guard resumesAt != nil else { return }
        resumesAt = nil
        timer.set(nil)
    }

    /// Begins a turn of the queue.
    /// - Returns: false while it has to wait, however often the driver rings.
    func beginTurn() -> Bool {
        guard limiter.isLimited || resumesAt != nil else { return true }
        now = timer.now
        if let time = resumesAt {
            guard time <= now else {
                timer.set(time)
                return false
            }
            cancel()
        }
        limiter.refill(at: now)
        return true
    }

    /// Lets a request pass, or has the queue wait until it may.
    func admits(byteCount: UInt64) -> Bool {
        guard let time = limiter.admit(byteCount: byteCount, at: now) else { return true }
        wait(until: time)
        return false
    }

    /// Counts bytes that only the request's end has told of; what comes next waits for them.
    func charge(byteCount: UInt64) { limiter.charge(byteCount: byteCount) }

    /// Whether the queue waits.
    var isWaiting: Bool { resumesAt != nil }

    private func wait(until time: UInt64) {
        resumesAt = time
        timer.set(time)
    }
}
