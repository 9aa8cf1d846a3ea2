// SPDX-License-Identifier: Apache-2.0

/// Why a machine ended.
public enum StopCause: Equatable, Sendable {
    /// The guest turned it off (ACPI S5).
    case poweredOff
    /// The guest restarted it.
    case rebooted
    /// The guest's kernel panicked and restarted it.
    case panicked
    /// A processor faulted three deep, which is how a processor gives up.
    case tripleFaulted
    /// The command ended, and all its output is through.
    case commandEnded(CommandStatus)
    /// Somebody sent swiftlet this signal.
    case interrupted(signal: Int32)
    /// The host could not go on.
    case failed(MachineError)
}

extension StopCause {
    /// The word for it in `--result`.
    public var name: String {
        switch self {
        case .poweredOff: "poweroff"
        case .rebooted: "reboot"
        case .panicked: "panic"
        case .tripleFaulted: "triple fault"
        case .commandEnded: "command"
        case .interrupted: "signal"
        case .failed: "failure"
        }
    }

    /// What swiftlet ends with.
    /// - Parameter hasCommand: a machine that ended before its command did has failed, however it ended.
    public func exitStatus(hasCommand: Bool) -> UInt8 {
        switch self {
        case .commandEnded(let status): status.exitStatus
        case .interrupted(let signal): 128 &+ UInt8(truncatingIfNeeded: signal)
        case .failed: 125
        case _ where hasCommand: 125
        case .poweredOff: 0
        case .rebooted: 3
        case .panicked, .tripleFaulted: 4
        }
    }
}
