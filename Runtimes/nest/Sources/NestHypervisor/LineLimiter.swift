// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

/// Lets lines of a guest pass to a log: so many at once, so many a second. The others are counted, as a guest could fill the
/// host's disk with them.
package struct LineLimiter {
    /// Lines that may come at once, and how many more each second.
    private static let burst = 2000
    private static let linesPerSecond = 200

    private let begin = Deadline.now
    private var tokens = Self.burst
    /// Until when tokens came.
    private var filled: Duration = .zero
    private var dropped = 0

    /// Begins with a full bucket.
    package init() {}

    /// Passes a line on, behind the number of those that did not pass; or drops it.
    package mutating func pass(_ line: String, to sink: (String) -> Void) {
        guard admits(begin.elapsed) else {
            dropped += 1
            return
        }
        reportDropped(to: sink)
        sink(line)
    }

    /// Tells how many did not pass, if any.
    package mutating func reportDropped(to sink: (String) -> Void) {
        if dropped > 0 { sink("(\(dropped) lines dropped: more than \(Self.linesPerSecond) a second)") }
        dropped = 0
    }

    private mutating func admits(_ now: Duration) -> Bool {
        let (seconds, attoseconds) = (now - filled).components
        let milliseconds = min(seconds, 1000) * 1000 + attoseconds / 1_000_000_000_000_000
        let more = Int(milliseconds) * Self.linesPerSecond / 1000
        if more > 0 {
            tokens = min(Self.burst, tokens + more)
            filled = now
        }
        guard tokens > 0 else { return false }
        tokens -= 1
        return true
    }
}
