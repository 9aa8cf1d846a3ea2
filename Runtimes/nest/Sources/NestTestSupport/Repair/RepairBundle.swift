// SPDX-License-Identifier: Apache-2.0

/// Makes a specification of an input of `fuzzBundle` that is none any more: brackets and quotes are closed, and members of the
/// wrong type left out. For a mutator, which would mostly break the JSON.
public func repairBundle(_ bytes: [UInt8]) -> [UInt8] {
    func isTaken(_ text: [UInt8]) -> Bool { text.withUnsafeBytes { fuzzBundle($0) }.isWhole }
    if isTaken(bytes) { return bytes }
    var rest = bytes[...]
    guard let tree = BrokenJSON(from: &rest) else { return Array("{}".utf8) }
    return kept(tree) { isTaken($0) } ?? Array("{}".utf8)
}

/// - Parameter isTaken: whether a value is taken in the place that this one has.
private func kept(_ tree: BrokenJSON, _ isTaken: ([UInt8]) -> Bool) -> [UInt8]? {
    let text = tree.encoded
    if isTaken(text) { return text }
    let parts: [[UInt8]]
    let brackets: [UInt8]
    switch tree {
    case .leaf: return nil
    case .array(let values):
        brackets = Array("[]".utf8)
        parts = values.compactMap { value in kept(value) { isTaken([brackets[0]] + $0 + [brackets[1]]) } }
    case .object(let members):
        brackets = Array("{}".utf8)
        parts = members.compactMap { name, value in
            let start = name + [UInt8(ascii: ":")]
            return kept(value) { isTaken([brackets[0]] + start + $0 + [brackets[1]]) }.map { start + $0 }
        }
    }
    let result = [brackets[0]] + parts.joined(separator: [UInt8(ascii: ",")]) + [brackets[1]]
    return isTaken(result) ? result : nil
}

/// What a text has left of JSON.
private enum BrokenJSON {
    case leaf([UInt8])
    case array([BrokenJSON])
    case object([(name: [UInt8], value: BrokenJSON)])

    /// Takes a value from the front, and what is none before it. An end that is missing is where the text ends.
    init?(from rest: inout ArraySlice<UInt8>, depth: Int = 0) {
        while let first = rest.first {
            switch first {
            // Of a whole text only an object is of use.
            case UInt8(ascii: "{") where depth < 32:
                self = .object(Self.members(from: &rest, depth: depth))
                return
            case _ where depth == 0: rest.removeFirst()
            case UInt8(ascii: "[") where depth < 32:
                rest.removeFirst()
                var values: [BrokenJSON] = []
                while rest.first != UInt8(ascii: "]"), let value = BrokenJSON(from: &rest, depth: depth + 1) {
                    values.append(value)
                    if rest.first == UInt8(ascii: ",") { rest.removeFirst() }
                }
                _ = rest.popFirst()
                self = .array(values)
                return
            case UInt8(ascii: "\""):
                self = .leaf(Self.string(from: &rest))
                return
            // Of the value around this one.
            case UInt8(ascii: "}"), UInt8(ascii: "]"): return nil
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"):
                let word = rest.prefix { $0 > 0x2c && $0 != 0x3a && $0 != 0x5b && $0 != 0x5d && $0 < 0x7b }
                rest = rest.dropFirst(word.count)
                self = .leaf(Array(word))
                return
            default: rest.removeFirst()
            }
        }
        return nil
    }

    private static func members(
        from rest: inout ArraySlice<UInt8>, depth: Int
    ) -> [(name: [UInt8], value: BrokenJSON)] {
        rest.removeFirst()
        var members: [(name: [UInt8], value: BrokenJSON)] = []
        while let first = rest.first, first != UInt8(ascii: "}") {
            guard first == UInt8(ascii: "\"") else {
                rest.removeFirst()
                continue
            }
            let name = string(from: &rest)
            guard let value = BrokenJSON(from: &rest, depth: depth + 1) else { break }
            members.append((name, value))
        }
        _ = rest.popFirst()
        return members
    }

    /// A string with both its quotes, without what no string may have.
    private static func string(from rest: inout ArraySlice<UInt8>) -> [UInt8] {
        rest.removeFirst()
        var content: [UInt8] = []
        while let byte = rest.popFirst(), byte != UInt8(ascii: "\"") {
            if byte == UInt8(ascii: "\\") {
                guard let escaped = rest.popFirst(), "\"\\/bfnrtu".utf8.contains(escaped) else { continue }
                content += [byte, escaped]
            } else if byte >= 0x20 {
                content.append(byte)
            }
        }
        return Array("\"\(String(decoding: content, as: UTF8.self))\"".utf8)
    }

    var encoded: [UInt8] {
        let comma = [UInt8(ascii: ",")]
        return switch self {
        case .leaf(let text): text
        case .array(let values): [0x5b] + values.map(\.encoded).joined(separator: comma) + [0x5d]
        case .object(let members):
            [0x7b] + members.map { $0.name + [0x3a] + $0.value.encoded }.joined(separator: comma) + [0x7d]
        }
    }
}
