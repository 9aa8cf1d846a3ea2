// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

/// Why there is no `io_uring`.
public enum IOUringError: Error, Equatable, Sendable {
    /// The kernel refused a step.
    case refused(Step, Errno)
    /// A number of transfers that no ring can have in flight.
    case badSize(Int)

    /// The steps of making a ring, in their order.
    public enum Step: Sendable, Equatable, CaseIterable {
        /// `io_uring_setup`. ENOSYS: the kernel has none, or is older than 5.10 (EINVAL). EPERM: switched off by
        /// `kernel.io_uring_disabled` or a seccomp filter. ENOMEM: RLIMIT_MEMLOCK.
        case setUp
        /// Mapping what is shared with the kernel.
        case map
        /// The descriptor that tells of completions.
        case makeEvent
        /// Registering the file.
        case registerFile
        /// Registering the descriptor.
        case registerEvent
        /// Restricting the ring.
        case restrict
        /// Enabling the ring.
        case enable
    }
}

extension IOUringError: CustomStringConvertible {
    /// One line, the cause last.
    public var description: String {
        switch self {
        case .refused(let step, let error): "io_uring: cannot \(step.words): \(error)"
        case .badSize(let size): "io_uring: \(size) transfers in flight are none, or too many"
        }
    }
}

extension IOUringError.Step {
    fileprivate var words: String {
        switch self {
        case .setUp: "make a ring"
        case .map: "map the ring"
        case .makeEvent: "make an eventfd"
        case .registerFile: "register the file"
        case .registerEvent: "register the eventfd"
        case .restrict: "restrict the ring"
        case .enable: "enable the ring"
        }
    }
}
