// SPDX-License-Identifier: Apache-2.0

/// Makes a message of bytes that are none any more: what is broken in it is mended or left out, field by field.
///
/// It knows only how fields are laid out (a tag; a number, four or eight bytes, or a length and so many bytes) and asks
/// whether a message is taken, so it serves every message.
struct MessageRepair {
    /// Whether bytes are such a message.
    let isTaken: ([UInt8]) -> Bool

    /// - Parameter depth: how many messages this one is in.
    func repaired(_ bytes: [UInt8], depth: Int = 0) -> [UInt8] {
        if isTaken(bytes) { return bytes }
        var result: [UInt8] = []
        var rest = bytes[...]
        // Each field costs a try; more of them than this is no sane message.
        for _ in 0..<256 {
            guard let field = Field(from: &rest) else { break }
            if let kept = repaired(field, depth: depth) { result += kept }
        }
        return isTaken(result) ? result : []
    }

    private func repaired(_ field: Field, depth: Int) -> [UInt8]? {
        if isTaken(field.encoded) { return field.encoded }
        guard case .bytes(let content) = field.value else { return nil }
        let asText = Field(number: field.number, value: .bytes(content.map { $0 & 0x7f })).encoded
        if isTaken(asText) { return asText }
        guard depth < 8 else { return nil }
        let inner = MessageRepair { isTaken(Field(number: field.number, value: .bytes($0)).encoded) }
        let kept = inner.repaired(content, depth: depth + 1)
        return kept.isEmpty ? nil : Field(number: field.number, value: .bytes(kept)).encoded
    }
}

/// One field of a message.
private struct Field {
    enum Value {
        case number(UInt64)
        case eight([UInt8])
        case bytes([UInt8])
        case four([UInt8])
    }

    let number: UInt64
    let value: Value

    init(number: UInt64, value: Value) {
        self.number = number
        self.value = value
    }

    /// Takes a field from the front, whatever its bytes are; lengths are cut to what there is.
    init?(from rest: inout ArraySlice<UInt8>) {
        guard !rest.isEmpty else { return nil }
        let tag = Self.takeNumber(&rest)
        number = max(1, tag >> 3 & 0x7ff)
        switch tag & 7 {
        case 0: value = .number(Self.takeNumber(&rest))
        case 1: value = .eight(Self.take(8, &rest))
        case 5: value = .four(Self.take(4, &rest))
        default: value = .bytes(Self.take(Int(clamping: Self.takeNumber(&rest)), &rest))
        }
    }

    var encoded: [UInt8] {
        switch value {
        case .number(let value): Self.bytes(number << 3) + Self.bytes(value)
        case .eight(let bytes): Self.bytes(number << 3 | 1) + bytes + [UInt8](repeating: 0, count: 8 - bytes.count)
        case .bytes(let bytes): Self.bytes(number << 3 | 2) + Self.bytes(UInt64(bytes.count)) + bytes
        case .four(let bytes): Self.bytes(number << 3 | 5) + bytes + [UInt8](repeating: 0, count: 4 - bytes.count)
        }
    }

    private static func takeNumber(_ rest: inout ArraySlice<UInt8>) -> UInt64 {
        var number: UInt64 = 0
        for shift in stride(from: 0, to: 63, by: 7) {
            guard let byte = rest.popFirst() else { break }
            number |= UInt64(byte & 0x7f) << UInt64(shift)
            if byte < 0x80 { break }
        }
        return number
    }

    private static func take(_ count: Int, _ rest: inout ArraySlice<UInt8>) -> [UInt8] {
        defer { rest = rest.dropFirst(count) }
        return Array(rest.prefix(count))
    }

    private static func bytes(_ number: UInt64) -> [UInt8] {
        var bytes: [UInt8] = []
        var rest = number
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
}
