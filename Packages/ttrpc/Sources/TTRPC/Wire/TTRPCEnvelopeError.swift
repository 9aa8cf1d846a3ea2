// SPDX-License-Identifier: Apache-2.0

/// Why bytes are no `Request` or `Response`.
public enum TTRPCEnvelopeError: Error, Equatable, Sendable, CustomStringConvertible {
    /// They end inside a field.
    case truncated(offset: Int)
    /// A variable-length integer has more than ten bytes, or more than 64 bits.
    case malformedInteger(offset: Int)
    /// A tag names field 0, a field past 2^29 - 1, or a wire type that does not exist.
    case malformedTag(offset: Int)
    /// Groups that do not match, or lie in each other too deeply.
    case malformedGroup(offset: Int)
    /// More metadata pairs or status details than `TTRPCRequest.maximumPairs`: a few bytes each on the wire, many in memory.
    case tooMany(offset: Int)
    /// A string is not UTF-8.
    case malformedString(offset: Int)

    /// One line for a log or a status.
    public var description: String {
        switch self {
        case .truncated(let offset): "the message ends inside the field at byte \(offset)"
        case .malformedInteger(let offset): "the integer at byte \(offset) is too long"
        case .malformedTag(let offset): "the tag at byte \(offset) is none"
        case .malformedGroup(let offset): "the group at byte \(offset) does not match its begin, or is too deep"
        case .tooMany(let offset): "the metadata or details at byte \(offset) are too many"
        case .malformedString(let offset): "the string at byte \(offset) is not UTF-8"
        }
    }
}
