// SPDX-License-Identifier: Apache-2.0

/// A place in a text, counted from 1; the column counts bytes.
public struct SourcePosition: Hashable, Sendable, CustomStringConvertible {
    /// The line.
    public let line: Int
    /// The byte in the line.
    public let column: Int

    /// A place.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    public var description: String { "line \(line), column \(column)" }
}

/// A JSON value with its place. Numbers are unsigned integers: a policy has no others.
struct JSONNode {
    enum Value {
        case object([(key: String, position: SourcePosition, node: JSONNode)])
        case array([JSONNode])
        case string(String)
        case integer(UInt64)
        case bool(Bool)
        case null
    }

    let value: Value
    let position: SourcePosition

    /// What it is, for messages.
    var kind: String {
        switch value {
        case .object: "an object"
        case .array: "an array"
        case .string: "a string"
        case .integer: "a number"
        case .bool: "a boolean"
        case .null: "null"
        }
    }
}

/// Why a text is not the JSON that a policy is written in.
public enum JSONProblem: Hashable, Sendable, CustomStringConvertible {
    /// The text ends inside a value.
    case endOfText
    /// This byte cannot stand here.
    case unexpected(UInt8)
    /// There is more text after the value.
    case trailingText
    /// The object has this key already.
    case duplicateKey(String)
    /// A negative number.
    case negative
    /// A number with a fraction or an exponent.
    case notAnInteger
    /// A number over 64 bits.
    case numberTooLarge
    /// A number with a needless zero in front.
    case leadingZero
    /// An escape that JSON does not have, or half a surrogate pair.
    case badEscape
    /// A string that is not UTF-8.
    case badUTF8
    /// Values nested deeper than any policy is.
    case tooDeep
    /// A text of over ``Policy/byteCountMax`` bytes.
    case tooLong

    public var description: String {
        switch self {
        case .endOfText: "the text ends too early"
        case .unexpected(let byte):
            byte > 0x20 && byte < 0x7F
                ? "unexpected \"\(Character(Unicode.Scalar(byte)))\"" : "unexpected byte 0x\(String(byte, radix: 16))"
        case .trailingText: "text after the value"
        case .duplicateKey(let key): "second key \"\(key)\""
        case .negative: "negative number"
        case .notAnInteger: "not an integer"
        case .numberTooLarge: "number over 64 bits"
        case .leadingZero: "number with a zero in front"
        case .badEscape: "bad escape in a string"
        case .badUTF8: "string is not UTF-8"
        case .tooDeep: "nested too deeply"
        case .tooLong: "text over \(Policy.byteCountMax) bytes"
        }
    }
}
