// SPDX-License-Identifier: Apache-2.0

/// How a call ended: a code that programs act on, and a sentence for people.
public struct TTRPCStatus: Error, Equatable, Sendable {
    /// What kind of failure it is.
    public var code: TTRPCCode
    /// What happened, in one line.
    public var message: String
    /// More about the failure, as the peer encoded it (`google.protobuf.Any`, one message each). Kept, never looked into.
    public var details: [[UInt8]]

    /// A status without details.
    public init(_ code: TTRPCCode, _ message: String) {
        self.init(code, message, details: [])
    }

    /// A status with details, each an encoded `google.protobuf.Any`.
    public init(_ code: TTRPCCode, _ message: String, details: [[UInt8]]) {
        self.code = code
        self.message = message
        self.details = details
    }
}

extension TTRPCStatus: CustomStringConvertible {
    /// One line for a log.
    public var description: String { message.isEmpty ? "\(code)" : "\(code): \(message)" }
}

/// The codes of gRPC, with its numbers.
public enum TTRPCCode: Int32, Sendable {
    /// Success.
    case ok = 0
    /// The caller gave up.
    case cancelled = 1
    /// Anything that has no code of its own.
    case unknown = 2
    /// The request can never be right.
    case invalidArgument = 3
    /// The time was over first.
    case deadlineExceeded = 4
    /// What the request names is not there.
    case notFound = 5
    /// What the request would make is there already.
    case alreadyExists = 6
    /// The caller may not do this.
    case permissionDenied = 7
    /// A quota or a limit is used up.
    case resourceExhausted = 8
    /// The state does not allow it now.
    case failedPrecondition = 9
    /// Another call got in the way.
    case aborted = 10
    /// Past the end of something.
    case outOfRange = 11
    /// Nobody here has this service or method.
    case unimplemented = 12
    /// An invariant is broken.
    case internalError = 13
    /// The peer cannot be reached; trying again may help.
    case unavailable = 14
    /// Data is lost for good.
    case dataLoss = 15
    /// Nobody knows who the caller is.
    case unauthenticated = 16
}

extension TTRPCCode: CustomStringConvertible {
    /// The name as gRPC spells it in logs, such as `NotFound`.
    public var description: String {
        switch self {
        case .ok: "OK"
        case .cancelled: "Canceled"
        case .unknown: "Unknown"
        case .invalidArgument: "InvalidArgument"
        case .deadlineExceeded: "DeadlineExceeded"
        case .notFound: "NotFound"
        case .alreadyExists: "AlreadyExists"
        case .permissionDenied: "PermissionDenied"
        case .resourceExhausted: "ResourceExhausted"
        case .failedPrecondition: "FailedPrecondition"
        case .aborted: "Aborted"
        case .outOfRange: "OutOfRange"
        case .unimplemented: "Unimplemented"
        case .internalError: "Internal"
        case .unavailable: "Unavailable"
        case .dataLoss: "DataLoss"
        case .unauthenticated: "Unauthenticated"
        }
    }
}
