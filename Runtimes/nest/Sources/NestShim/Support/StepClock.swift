// SPDX-License-Identifier: Apache-2.0
public import NestModel
internal import Synchronization

/// Times the steps of a pod's life and tells the log of each.
public final class StepClock: Sendable {
    private let log: ShimLog
    private let hold: StepHold
    private let origin = ContinuousClock().now
    private let steps = Mutex<[(PodStep, Duration)]>([])

    /// A clock that starts now.
    public init(log: ShimLog, hold: StepHold = .none) {
        self.log = log
        self.hold = hold
    }

    /// Does one step.
    public func run<Result: ~Copyable, Failure: Error>(
        _ step: PodStep, _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        log.debug("step \(step.rawValue) begins")
        hold.wait(at: step, log)
        let begin = ContinuousClock().now
        let result = try body()
        note(step, ContinuousClock().now - begin)
        return result
    }

    /// Notes a step that was timed elsewhere.
    public func note(_ step: PodStep, _ duration: Duration) {
        steps.withLock { $0.append((step, duration)) }
        log.debug("step \(step.rawValue) took \(Self.milliseconds(duration)) ms")
    }

    /// All steps so far in one line, in milliseconds, for whoever breaks down the time of a start.
    public func summary() -> String {
        let parts = steps.withLock { $0.map { "\($0.rawValue) \(Self.milliseconds($1))" } }
        return
            "steps (ms): \(parts.joined(separator: ", ")); since the request \(Self.milliseconds(ContinuousClock().now - origin))"
    }

    private static func milliseconds(_ duration: Duration) -> String {
        let tenths = duration.components.seconds * 10_000 + duration.components.attoseconds / 100_000_000_000_000
        return "\(tenths / 10).\(tenths % 10)"
    }
}
