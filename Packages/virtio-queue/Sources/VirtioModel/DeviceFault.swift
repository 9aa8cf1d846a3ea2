// SPDX-License-Identifier: Apache-2.0
public import VirtioQueue

/// Why a device waits for a reset. The driver only sees that it does: this is for the host.
public enum DeviceFault: Error, Equatable, Sendable {
    /// It could not go to work, or take a queue again, as the driver set it up.
    case activation(ActivationError)
    /// The driver broke the rules of a queue while the device ran.
    case queue(index: UInt16, QueueError)
}

extension DeviceFault: CustomStringConvertible {
    /// One line, the cause last.
    public var description: String {
        switch self {
        case .activation(let error): "cannot start: \(error)"
        case .queue(let index, let error): "queue \(index): \(error)"
        }
    }
}
