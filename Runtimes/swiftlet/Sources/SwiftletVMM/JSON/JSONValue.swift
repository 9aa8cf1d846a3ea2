// SPDX-License-Identifier: Apache-2.0

/// A JSON value (RFC 8259). The keys of an object are unique and keep their order.
public enum JSONValue: Equatable, Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A number without fraction and exponent that fits.
    case integer(Int64)
    /// Any other number.
    case real(Double)
    /// Text.
    case string(String)
    /// `[...]`.
    case array([JSONValue])
    /// `{...}`.
    case object([Member])

    /// One key and its value.
    public struct Member: Equatable, Sendable {
        /// The key.
        public var key: String
        /// What it names.
        public var value: JSONValue

        /// Pairs them.
        public init(_ key: String, _ value: JSONValue) {
            self.key = key
            self.value = value
        }
    }

    /// The value of a key; nil if this is no object, or has no such key.
    public subscript(key: String) -> JSONValue? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key == key }?.value
    }

    /// The text, or `null`.
    init(_ text: String?) { self = text.map(JSONValue.string) ?? .null }

    /// What the value is, for a message: `string "x"`, `integer 3`.
    var kind: String {
        switch self {
        case .null: "null"
        case .bool(let value): "boolean `\(value)`"
        case .integer(let value): "integer `\(value)`"
        case .real(let value): "floating point `\(value)`"
        case .string(let text): "string \"\(text.prefix(64))\""
        case .array: "sequence"
        case .object: "map"
        }
    }
}
