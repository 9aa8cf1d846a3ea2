// SPDX-License-Identifier: Apache-2.0
internal import NestModel
internal import NestResources
internal import VMMSysUtil

/// Holds a pod at the begin of a step, for whoever tests what dies there: `debug.hold` in the host's configuration names
/// a file, and while that says `CONTAINER STEP` this container's pod waits at this step.
public struct StepHold: Equatable, Sendable {
    private let path: String
    private let container: String

    /// Never holds.
    public static let none = StepHold(path: "", container: "")

    /// Holds a container's pod for as long as the file says so; an empty path means never.
    public init(path: String, container: String) {
        self.path = path
        self.container = container
    }

    /// As the host's configuration says. A configuration that cannot be read is told by Create, not here.
    static func configured(container: String) -> StepHold {
        StepHold(path: (try? NestConfiguration.load())?.holdFile ?? "", container: container)
    }

    /// Waits if this is the step, for two minutes at most.
    func wait(at step: PodStep, _ log: ShimLog) {
        guard !path.isEmpty else { return }
        for attempt in 0..<6000 where Files.text(path) == "\(container) \(step.rawValue)" {
            if attempt == 0 { log.info("step \(step.rawValue) is held") }
            Thread.sleep(for: .milliseconds(20))
        }
    }
}
