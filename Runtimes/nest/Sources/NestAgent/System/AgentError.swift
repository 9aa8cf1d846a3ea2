// SPDX-License-Identifier: Apache-2.0
internal import TTRPC
internal import VMMSysUtil

/// Why the agent could not do what a call asked of it.
enum AgentError: Error, Equatable {
    /// A system call failed: what was being done, to what, and why.
    case system(operation: String, subject: String, Errno)
    /// crun said no, in its own words.
    case crun(String)
    /// Something did not happen in its time.
    case timedOut(String)
    /// The request can never be right.
    case invalid(String)
    /// What the request names is not there.
    case notFound(String)
    /// What the request would make is there already.
    case exists(String)
    /// The state does not allow it now.
    case badState(String)
    /// A bound of the agent is reached.
    case exhausted(String)
    /// Nobody waits for the answer any more.
    case cancelled
}

extension AgentError: CustomStringConvertible {
    var description: String {
        switch self {
        case .system(let operation, let subject, let error): "cannot \(operation) \(subject): \(error)"
        case .crun(let text), .timedOut(let text), .invalid(let text), .notFound(let text), .exists(let text),
            .badState(let text), .exhausted(let text):
            text
        case .cancelled: "the call was cancelled"
        }
    }

    /// As a caller sees it.
    var status: TTRPCStatus {
        let code: TTRPCCode =
            switch self {
            case .system(_, _, .noSpace), .system(_, _, .noMemory), .exhausted: .resourceExhausted
            case .system: .internalError
            case .crun: .unknown
            case .timedOut: .deadlineExceeded
            case .invalid: .invalidArgument
            case .notFound: .notFound
            case .exists: .alreadyExists
            case .badState: .failedPrecondition
            case .cancelled: .cancelled
            }
        return TTRPCStatus(code, description)
    }
}

/// Runs a system call with what it does to what, for its error.
@discardableResult
func system<Result: SignedInteger & FixedWidthInteger>(
    _ operation: String, _ subject: @autoclosure () -> String, _ call: () -> Result
) throws(AgentError) -> Result {
    do throws(Errno) { return try retryOnInterrupt(call) } catch {
        throw .system(operation: operation, subject: subject(), error)
    }
}
