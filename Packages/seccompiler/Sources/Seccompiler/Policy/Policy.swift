// SPDX-License-Identifier: Apache-2.0

/// Named filters, one for each kind of thread, as a policy file holds them.
public struct Policy: Hashable, Sendable {
    /// The longest text that is read.
    public static let byteCountMax = 1 << 20

    /// A filter and its name.
    public struct Entry: Hashable, Sendable {
        /// The name, such as `vcpu`.
        public let name: String
        /// The filter.
        public let filter: Filter
    }

    /// The filters, in the order of the text.
    public let entries: [Entry]

    /// Reads a policy in JSON, with names of system calls and constants as `architecture` has them.
    public init(json: UnsafeRawBufferPointer, architecture: Architecture) throws(PolicyError) {
        entries = try PolicyReader(architecture: architecture).policy(JSONParser.parse(json))
    }

    /// Reads a policy in JSON from text.
    public init(json: String, architecture: Architecture) throws(PolicyError) {
        let bytes = Array(json.utf8)
        // The closure of withUnsafeBytes would erase the error's type.
        let result = bytes.withUnsafeBytes { bytes in
            Result<Policy, PolicyError> { () throws(PolicyError) in
                try Policy(json: bytes, architecture: architecture)
            }
        }
        self = try result.get()
    }

    /// The filter of this name, or nil.
    public subscript(name: String) -> Filter? { entries.first { $0.name == name }?.filter }
}

/// Why a text is not a policy, and where.
public struct PolicyError: Error, Equatable, CustomStringConvertible {
    /// What is wrong.
    public enum Problem: Hashable, Sendable {
        /// It is not JSON as policies are written.
        case json(JSONProblem)
        /// A value of another kind was expected.
        case wrongType(expected: String, found: String)
        /// An object has a key that the format does not have there.
        case unknownKey(String)
        /// An object lacks this key.
        case missingKey(String)
        /// Both spellings of one key.
        case twoSpellings(String, String)
        /// A word that stands for no action, or one that needs a value.
        case unknownAction(String)
        /// A word that stands for no operator, or one that needs a value.
        case unknownOperator(String)
        /// A width other than `dword` and `qword`.
        case unknownWidth(String)
        /// A word that stands for no number.
        case unknownConstant(String)
        /// An empty list of conditions; a rule without `args` fits everything.
        case noConditions
        /// An argument over 5.
        case argumentIndex(UInt64)
        /// A `dword` against a value or mask over 32 bits.
        case valueTooWide(UInt64)
        /// An action's number over 16 bits.
        case actionValue(UInt64)
        /// An object with other than one member, where an action or operator has its value.
        case notOneMember(Int)
        /// The rules do not make a filter.
        case filter(String)
    }

    /// Where it stands in the text.
    public let position: SourcePosition
    /// What is wrong.
    public let problem: Problem

    init(_ position: SourcePosition, _ problem: Problem) {
        self.position = position
        self.problem = problem
    }

    public var description: String { "\(position): \(problem)" }
}

extension PolicyError.Problem: CustomStringConvertible {
    public var description: String {
        switch self {
        case .json(let problem): problem.description
        case .wrongType(let expected, let found): "expected \(expected), found \(found)"
        case .unknownKey(let key): "unknown key \"\(key)\""
        case .missingKey(let key): "no \"\(key)\""
        case .twoSpellings(let first, let second): "both \"\(first)\" and \"\(second)\""
        case .unknownAction(let word): "unknown action \"\(word)\", or one of another form"
        case .unknownOperator(let word): "unknown operator \"\(word)\", or one of another form"
        case .unknownWidth(let word): "unknown type \"\(word)\""
        case .unknownConstant(let word): "unknown constant \"\(word)\""
        case .noConditions: "empty list of conditions; leave \"args\" out for any arguments"
        case .argumentIndex(let index): "argument \(index) is over 5"
        case .valueTooWide(let value): "a dword cannot be compared with 0x\(String(value, radix: 16))"
        case .actionValue(let value): "\(value) is over 65535"
        case .notOneMember(let count): "expected an object with one member, found \(count)"
        case .filter(let text): text
        }
    }
}
