// SPDX-License-Identifier: Apache-2.0

/// A JSON text in the making. Members keep their order, so that the same specification gives the same file.
enum JSONValue: Equatable {
    case string(String)
    case signed(Int64)
    case unsigned(UInt64)
    case bool(Bool)
    case array([JSONValue])
    case object([Member])

    struct Member: Equatable {
        let name: String
        let value: JSONValue
    }

    /// The text, in UTF-8.
    var encoded: [UInt8] {
        var bytes: [UInt8] = []
        append(to: &bytes)
        return bytes
    }

    private func append(to bytes: inout [UInt8]) {
        switch self {
        case .string(let text): Self.append(text, to: &bytes)
        case .signed(let number): bytes.append(contentsOf: "\(number)".utf8)
        case .unsigned(let number): bytes.append(contentsOf: "\(number)".utf8)
        case .bool(let value): bytes.append(contentsOf: (value ? "true" : "false").utf8)
        case .array(let values):
            bytes.append(UInt8(ascii: "["))
            for (index, value) in values.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                value.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.append(member.name, to: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.append(to: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        }
    }

    private static func append(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes += [UInt8(ascii: "\\"), byte]
            case 0..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(contentsOf: (byte < 0x10 ? "0" : "1").utf8)
                bytes.append(contentsOf: String(byte & 0xF, radix: 16).utf8)
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}

/// Members of an object, in the order in which they are added.
struct JSONMembers {
    private(set) var members: [JSONValue.Member] = []

    var object: JSONValue { .object(members) }
    var isEmpty: Bool { members.isEmpty }

    /// Adds a member that the specification demands, whatever its value.
    mutating func always(_ name: String, _ value: JSONValue) { members.append(.init(name: name, value: value)) }

    /// Adds a text unless it is empty.
    mutating func add(_ name: String, _ text: String) { if !text.isEmpty { always(name, .string(text)) } }
    /// Adds a number unless it is zero, which the messages have for "not given".
    mutating func add(_ name: String, _ number: Int64) { if number != 0 { always(name, .signed(number)) } }
    mutating func add(_ name: String, _ number: UInt64) { if number != 0 { always(name, .unsigned(number)) } }
    mutating func add(_ name: String, _ number: UInt32) { add(name, UInt64(number)) }
    mutating func add(_ name: String, _ flag: Bool) { if flag { always(name, .bool(true)) } }
    mutating func add(_ name: String, _ texts: [String]) {
        if !texts.isEmpty { always(name, .array(texts.map { .string($0) })) }
    }
    /// Adds a list unless it is empty.
    mutating func add(_ name: String, _ values: [JSONValue]) { if !values.isEmpty { always(name, .array(values)) } }
    /// Adds a map, sorted by name, unless it is empty.
    mutating func add(_ name: String, _ map: [String: String]) {
        if map.isEmpty { return }
        let members = map.sorted { $0.key < $1.key }.map { JSONValue.Member(name: $0.key, value: .string($0.value)) }
        always(name, .object(members))
    }
    /// Adds an object unless it has no members.
    mutating func add(_ name: String, _ other: JSONMembers) { if !other.isEmpty { always(name, other.object) } }
}
