// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

/// Why the event loop could not do what was asked.
public enum EventLoopError: Error, Equatable, CustomStringConvertible {
    /// What was being done.
    public enum Operation: String, Sendable {
        /// Making the epoll or the mailbox's eventfd.
        case create
        /// Registering a descriptor.
        case add
        /// Changing what a registered descriptor waits for.
        case modify
        /// Waiting for events.
        case wait
    }

    /// A system call failed; `descriptor` is the number that it was about, -1 for none.
    case system(Operation, descriptor: Int32, Errno)
    /// The token stands for nothing any more: its registration was removed.
    case unknownToken(EventToken)
    /// The loop was stopped; what it was asked for will not happen.
    case stopped
    /// A handler asked its own loop to wait for events.
    case reentered

    /// One line for a log.
    public var description: String {
        switch self {
        case .system(let operation, let descriptor, let error):
            "event loop: \(operation.rawValue)\(descriptor < 0 ? "" : " descriptor \(descriptor)"): \(error)"
        case .unknownToken(let token): "event loop: \(token) is not registered"
        case .stopped: "event loop: stopped"
        case .reentered: "event loop: run again from one of its handlers"
        }
    }
}
