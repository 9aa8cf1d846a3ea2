// SPDX-License-Identifier: Apache-2.0

/// What an object of the API or of the configuration file decodes to, and is shown as.
public protocol JSONRecord: Equatable, Sendable {
    /// Takes its fields out; `JSONFields` refuses what is left over.
    init(from fields: inout JSONFields) throws(JSONFault)
    /// The record as it is shown.
    var json: JSONValue { get }
}

extension JSONRecord {
    /// Decodes an object: every field known, of the right type, and none missing.
    public init(_ value: JSONValue, name: String) throws(JSONFault) {
        guard case .object(let members) = value else {
            throw .type(field: name, value.kind, expected: "struct \(name)")
        }
        var fields = JSONFields(members)
        self = try Self(from: &fields)
        try fields.finish()
    }
}

/// The fields of one object, each taken out once. `null` stands for an optional field that is absent.
public struct JSONFields {
    private var members: [JSONValue.Member]
    private var names: [String] = []

    init(_ members: [JSONValue.Member]) { self.members = members }

    /// Refuses what nobody took.
    func finish() throws(JSONFault) {
        if let member = members.first { throw .unknown(field: String(member.key.prefix(64)), expected: names) }
    }

    /// Takes a field out.
    public mutating func take(_ name: String) -> JSONValue? {
        names.append(name)
        guard let index = members.firstIndex(where: { $0.key == name }) else { return nil }
        return members.remove(at: index).value
    }

    private mutating func takeOptional(_ name: String) -> JSONValue? {
        let value = take(name)
        return value == .null ? nil : value
    }

    private func needed<Value>(_ value: Value?, _ name: String) throws(JSONFault) -> Value {
        guard let value else { throw .missing(field: name) }
        return value
    }

    /// A text.
    public mutating func string(_ name: String) throws(JSONFault) -> String? {
        switch takeOptional(name) {
        case nil: return nil
        case .string(let text): return text
        case .some(let value): throw .type(field: name, value.kind, expected: "a string")
        }
    }

    /// A text that must be there.
    public mutating func requiredString(_ name: String) throws(JSONFault) -> String {
        try needed(try string(name), name)
    }

    /// `true` or `false`.
    public mutating func bool(_ name: String) throws(JSONFault) -> Bool? {
        switch takeOptional(name) {
        case nil: return nil
        case .bool(let value): return value
        case .some(let value): throw .type(field: name, value.kind, expected: "a boolean")
        }
    }

    /// `true` or `false`, which must be there.
    public mutating func requiredBool(_ name: String) throws(JSONFault) -> Bool { try needed(try bool(name), name) }

    /// A whole number in the range of the type.
    public mutating func integer<Number: FixedWidthInteger>(
        _ name: String, as type: Number.Type
    ) throws(JSONFault) -> Number? {
        let sign = Number.isSigned ? "i" : "u"
        switch takeOptional(name) {
        case nil: return nil
        case .integer(let value):
            guard let number = Number(exactly: value) else {
                throw .range(field: name, value, expected: "\(sign)\(Number.bitWidth)")
            }
            return number
        case .some(let value): throw .type(field: name, value.kind, expected: "\(sign)\(Number.bitWidth)")
        }
    }

    /// A whole number that must be there.
    public mutating func requiredInteger<Number: FixedWidthInteger>(
        _ name: String, as type: Number.Type
    ) throws(JSONFault) -> Number {
        try needed(try integer(name, as: type), name)
    }

    /// One of a few words.
    public mutating func word<Word: RawRepresentable & CaseIterable>(
        _ name: String, as type: Word.Type
    ) throws(JSONFault) -> Word? where Word.RawValue == String {
        guard let text = try string(name) else { return nil }
        guard let word = Word(rawValue: text) else {
            throw .variant(field: name, String(text.prefix(64)), expected: Word.allCases.map(\.rawValue))
        }
        return word
    }

    /// An object of its own.
    public mutating func record<Record: JSONRecord>(
        _ name: String, as type: Record.Type
    ) throws(JSONFault) -> Record? {
        guard let value = takeOptional(name) else { return nil }
        return try Record(value, name: name)
    }

    /// Takes out a field that the interface defines and that cannot be served yet: absent, `null` and `allowed` pass.
    public mutating func refuse(_ name: String, allowing allowed: JSONValue? = nil) throws(JSONFault) {
        guard let value = takeOptional(name), value != allowed else { return }
        throw .notYet(field: name)
    }
}

/// Why a JSON text is not what was expected.
public enum JSONFault: Error, Equatable, Sendable, CustomStringConvertible {
    /// It is no JSON, or has a doubled key.
    case syntax(String)
    /// A field that nobody knows.
    case unknown(field: String, expected: [String])
    /// A field that must be there.
    case missing(field: String)
    /// A value of another type.
    case type(field: String, String, expected: String)
    /// A number that does not fit.
    case range(field: String, Int64, expected: String)
    /// A word that is none of the possible ones.
    case variant(field: String, String, expected: [String])
    /// A field that is defined, and not served yet.
    case notYet(field: String)

    /// One line, in the words that clients of the interface look for.
    public var description: String {
        switch self {
        case .syntax(let text): text
        case .unknown(let field, let expected): "unknown field `\(field)`, expected \(Self.list(expected))"
        case .missing(let field): "missing field `\(field)`"
        case .type(let field, let kind, let expected): "invalid type: \(kind), expected \(expected) in `\(field)`"
        case .range(let field, let value, let expected):
            "invalid value: integer `\(value)`, expected \(expected) in `\(field)`"
        case .variant(let field, let word, let expected):
            "unknown variant `\(word)`, expected \(Self.list(expected)) in `\(field)`"
        case .notYet(let field): "`\(field)` is not supported yet"
        }
    }

    private static func list(_ names: [String]) -> String {
        let quoted = names.map { "`\($0)`" }.joined(separator: ", ")
        return names.count > 1 ? "one of \(quoted)" : names.isEmpty ? "no field" : quoted
    }
}
