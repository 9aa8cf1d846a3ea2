// SPDX-License-Identifier: Apache-2.0

/// A strict reader of JSON (RFC 8259) that keeps positions and refuses duplicate keys, text after the value, and all
/// numbers but unsigned 64-bit integers. DESIGN.md tells why it is not a library's.
struct JSONParser {
    private let bytes: UnsafeRawBufferPointer
    private var offset = 0
    private var line = 1
    private var lineStart = 0
    /// A policy needs 7.
    private static let depthMax = 16

    /// Reads one value that must be the whole text.
    static func parse(_ bytes: UnsafeRawBufferPointer) throws(PolicyError) -> JSONNode {
        var parser = JSONParser(bytes: bytes)
        guard bytes.count <= Policy.byteCountMax else { throw parser.failure(.tooLong) }
        let node = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.offset == bytes.count else { throw parser.failure(.trailingText) }
        return node
    }

    private init(bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private var position: SourcePosition { SourcePosition(line: line, column: offset - lineStart + 1) }

    private func failure(_ problem: JSONProblem) -> PolicyError { PolicyError(position, .json(problem)) }

    /// The byte at the cursor, or nil at the end.
    private var next: UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D {
            offset += 1
            if byte == 0x0A {
                line += 1
                lineStart = offset
            }
        }
    }

    /// Refuses what stands at the cursor.
    private func unexpected() -> PolicyError { failure(next.map { .unexpected($0) } ?? .endOfText) }

    /// Steps over `byte`, or says false and stays.
    private mutating func skip(_ byte: Character) -> Bool {
        guard let found = next, found == byte.asciiValue else { return false }
        offset += 1
        return true
    }

    private mutating func value(depth: Int) throws(PolicyError) -> JSONNode {
        guard depth < Self.depthMax else { throw failure(.tooDeep) }
        skipSpace()
        let start = position
        let value: JSONNode.Value
        switch next {
        case UInt8(ascii: "{"): value = .object(try members(depth: depth))
        case UInt8(ascii: "["): value = .array(try elements(depth: depth))
        case UInt8(ascii: "\""): value = .string(try string())
        case .some(0x30...0x39): value = .integer(try integer())
        case UInt8(ascii: "-"): throw failure(.negative)
        case UInt8(ascii: "t"): value = try word("true", .bool(true))
        case UInt8(ascii: "f"): value = try word("false", .bool(false))
        case UInt8(ascii: "n"): value = try word("null", .null)
        default: throw unexpected()
        }
        return JSONNode(value: value, position: start)
    }

    private mutating func word(_ text: String, _ value: JSONNode.Value) throws(PolicyError) -> JSONNode.Value {
        for byte in text.utf8 {
            guard next == byte else { throw unexpected() }
            offset += 1
        }
        return value
    }

    private mutating func members(
        depth: Int
    ) throws(PolicyError) -> [(key: String, position: SourcePosition, node: JSONNode)] {
        offset += 1
        var members: [(key: String, position: SourcePosition, node: JSONNode)] = []
        var keys: Set<String> = []
        skipSpace()
        if skip("}") { return members }
        while true {
            skipSpace()
            let start = position
            guard next == UInt8(ascii: "\"") else { throw unexpected() }
            let key = try string()
            guard keys.insert(key).inserted else { throw PolicyError(start, .json(.duplicateKey(key))) }
            skipSpace()
            guard skip(":") else { throw unexpected() }
            members.append((key, start, try value(depth: depth + 1)))
            skipSpace()
            if skip("}") { return members }
            guard skip(",") else { throw unexpected() }
        }
    }

    private mutating func elements(depth: Int) throws(PolicyError) -> [JSONNode] {
        offset += 1
        var elements: [JSONNode] = []
        skipSpace()
        if skip("]") { return elements }
        while true {
            elements.append(try value(depth: depth + 1))
            skipSpace()
            if skip("]") { return elements }
            guard skip(",") else { throw unexpected() }
        }
    }

    private mutating func integer() throws(PolicyError) -> UInt64 {
        let start = self
        var value: UInt64 = 0
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) {
            let (product, overflow) = value.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(byte - UInt8(ascii: "0")))
            guard !overflow, !carry else { throw start.failure(.numberTooLarge) }
            value = sum
            offset += 1
        }
        if let byte = next, [UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E")].contains(byte) {
            throw start.failure(.notAnInteger)
        }
        if offset - start.offset > 1, bytes[start.offset] == UInt8(ascii: "0") { throw start.failure(.leadingZero) }
        return value
    }

    private mutating func string() throws(PolicyError) -> String {
        let start = self
        offset += 1
        var text: [UInt8] = []
        while let byte = next {
            switch byte {
            case UInt8(ascii: "\""):
                offset += 1
                guard let string = String(validating: text, as: UTF8.self) else { throw start.failure(.badUTF8) }
                return string
            case UInt8(ascii: "\\"): text.append(contentsOf: Array(String(try escape()).utf8))
            case 0..<0x20: throw unexpected()
            default:
                text.append(byte)
                offset += 1
            }
        }
        throw failure(.endOfText)
    }

    private mutating func escape() throws(PolicyError) -> Unicode.Scalar {
        let start = self
        offset += 1
        guard let byte = next else { throw failure(.endOfText) }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): return Unicode.Scalar(byte)
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{c}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"):
            var code = try fourDigits()
            if (0xD800..<0xDC00).contains(code), skip("\\"), skip("u") {
                let low = try fourDigits()
                guard (0xDC00..<0xE000).contains(low) else { throw start.failure(.badEscape) }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw start.failure(.badEscape) }
            return scalar
        default: throw start.failure(.badEscape)
        }
    }

    private mutating func fourDigits() throws(PolicyError) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next else { throw failure(.endOfText) }
            guard let digit = Character(Unicode.Scalar(byte)).hexDigitValue, byte < 0x80 else {
                throw failure(.badEscape)
            }
            code = code << 4 | UInt32(digit)
            offset += 1
        }
        return code
    }
}
