// SPDX-License-Identifier: Apache-2.0
import ACPITables
import Testing

@Suite struct AMLTermTests {
    struct Row: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let term: @Sendable () throws -> AMLTerm
        let bytes: [UInt8]
        init(_ name: String, _ bytes: [UInt8], _ term: @escaping @Sendable () throws -> AMLTerm) {
            testDescription = name
            self.bytes = bytes
            self.term = term
        }
    }

    static let rows: [Row] = [
        Row("zero", [0x00]) { .integer(0) },
        Row("one", [0x01]) { .integer(1) },
        Row("smallest byte", [0x0A, 0x02]) { .integer(2) },
        Row("largest byte", [0x0A, 0xFF]) { .integer(0xFF) },
        Row("smallest word", [0x0B, 0x00, 0x01]) { .integer(0x100) },
        Row("largest word", [0x0B, 0xFF, 0xFF]) { .integer(0xFFFF) },
        Row("smallest double word", [0x0C, 0x00, 0x00, 0x01, 0x00]) { .integer(0x1_0000) },
        Row("largest double word", [0x0C, 0xFF, 0xFF, 0xFF, 0xFF]) { .integer(0xFFFF_FFFF) },
        Row("smallest quad word", [0x0E, 0, 0, 0, 0, 1, 0, 0, 0]) { .integer(0x1_0000_0000) },
        Row("all ones", [0xFF]) { .integer(.max) },
        Row("one below all ones", [0x0E, 0xFE] + [UInt8](repeating: 0xFF, count: 7)) { .integer(.max - 1) },
        Row("string", [0x0D, 0x41, 0x42, 0x00]) { try .string("AB") },
        Row("empty string", [0x0D, 0x00]) { try .string("") },
        Row("EISA ID of a serial port", [0x0C, 0x41, 0xD0, 0x05, 0x01]) { try .eisaID("PNP0501") },
        Row("EISA ID with a hexadecimal letter", [0x0C, 0x41, 0xD0, 0x0C, 0x0C]) { try .eisaID("PNP0C0C") },
        Row("buffer", [0x11, 0x05, 0x0A, 0x02, 0xAA, 0xBB]) { try .buffer([0xAA, 0xBB]) },
        Row("empty buffer", [0x11, 0x02, 0x00]) { try .buffer([]) },
        Row("package", [0x12, 0x04, 0x02, 0x00, 0x01]) { try .package([.integer(0), .integer(1)]) },
        Row("empty package", [0x12, 0x02, 0x00]) { try .package([]) },
        Row("name", [0x08] + Array("_UID".utf8) + [0x00]) { try .name("_UID", .integer(0)) },
        Row("scope", [0x10, 0x06, 0x5C] + Array("_SB_".utf8)) { try .scope("\\_SB", []) },
        Row("device", [0x5B, 0x82, 0x05] + Array("COM1".utf8)) { try .device("COM1", []) },
        Row("method", [0x14, 0x06] + Array("_STA".utf8) + [0x00]) { try .method("_STA", []) },
        Row("serialized method of two arguments", [0x14, 0x08] + Array("ABC_".utf8) + [0x0A, 0xA4, 0x69]) {
            try .method("ABC", argumentCount: 2, isSerialized: true, [.return(.arg1)])
        },
        Row("if", [0xA0, 0x06, 0x93, 0x68, 0x01, 0xA4, 0x00]) {
            try .if(.equal(.arg0, .integer(1)), [.return(.integer(0))])
        },
        Row("if and else", [0xA0, 0x04, 0x60, 0xA4, 0x00, 0xA1, 0x03, 0xA4, 0x01]) {
            try .if(.local0, [.return(.integer(0))], else: [.return(.integer(1))])
        },
        Row("while", [0xA2, 0x06, 0x60, 0x74, 0x60, 0x01, 0x60]) {
            try .while(.local0, [.subtract(.local0, .integer(1), to: .local0)])
        },
        Row("store", [0x70, 0x01, 0x67]) { .store(.integer(1), to: .local7) },
        Row("notify", [0x86] + Array("PWRB".utf8) + [0x0A, 0x80]) { try .notify("PWRB", .integer(0x80)) },
        Row("call", Array("SCAN".utf8) + [0x68]) { try .call("SCAN", [.arg0]) },
        Row("operation region", [0x5B, 0x80] + Array("REG_".utf8) + [0x01, 0x0B, 0x00, 0x06, 0x0A, 0x04]) {
            try .operationRegion("REG", space: .systemIO, offset: 0x600, byteCount: 4)
        },
        Row(
            "field",
            [0x5B, 0x81, 0x0E] + Array("REG_".utf8) + [0x01, 0x00, 0x08] + Array("CTL_".utf8) + [0x48, 0x06]
        ) {
            try .field("REG", access: .byte, [.reserved(bitCount: 8), .named("CTL", bitCount: 104)])
        },
        Row("soft off", [0x08, 0x5C] + Array("_S5_".utf8) + [0x12, 0x08, 0x04, 0x0A, 5, 0x0A, 5, 0, 0]) {
            try .softOff()
        },
    ]

    @Test("each term has the bytes that the specification gives it", arguments: rows)
    func encodes(_ row: Row) throws {
        #expect(try row.term().encoded == row.bytes)
    }

    static let malformed: [(String, AMLError, @Sendable () throws -> AMLTerm)] = [
        ("EISA ID too short", .badEISAID("PNP050"), { try .eisaID("PNP050") }),
        ("EISA ID with small letters", .badEISAID("pnp0501"), { try .eisaID("pnp0501") }),
        ("EISA ID with G", .badEISAID("PNP050G"), { try .eisaID("PNP050G") }),
        ("string with NUL", .badString("a\0b"), { try .string("a\0b") }),
        ("string that is not ASCII", .badString("é"), { try .string("é") }),
        (
            "package too large", .tooManyElements(256),
            { try .package([AMLTerm](repeating: .integer(0), count: 256)) }
        ),
        ("eight arguments", .tooManyArguments(8), { try .method("ABCD", argumentCount: 8, []) }),
        ("minus one argument", .tooManyArguments(-1), { try .method("ABCD", argumentCount: -1, []) }),
        (
            "field element with a path", .badName("A.B"),
            { try .field("REG", access: .any, [.named("A.B", bitCount: 1)]) }
        ),
    ]

    @Test("what AML cannot say is refused", arguments: malformed)
    func refuses(_ row: (name: String, error: AMLError, term: @Sendable () throws -> AMLTerm)) {
        #expect(throws: row.error) { try row.term() }
    }

    struct Length: Sendable, CustomTestStringConvertible {
        let content: Int
        let bytes: [UInt8]
        var testDescription: String { "content of \(content) bytes" }
    }

    /// The content is the buffer's size (an integer) and its bytes, so sizes are chosen to hit the border.
    static let lengths: [Length] = [
        Length(content: 62, bytes: [0x3F]),
        Length(content: 63, bytes: [0x41, 0x04]),
        Length(content: 4093, bytes: [0x4F, 0xFF]),
        Length(content: 4094, bytes: [0x81, 0x00, 0x01]),
        Length(content: 1_048_572, bytes: [0x8F, 0xFF, 0xFF]),
        Length(content: 1_048_573, bytes: [0xC1, 0x00, 0x00, 0x01]),
    ]

    @Test("the package length takes one byte more where its bits run out", arguments: lengths)
    func packageLength(_ row: Length) throws {
        // A method's content is its name, one byte of flags and its body.
        let body = AMLTerm(encoded: [UInt8](repeating: 0xA3, count: row.content - 5))
        let encoded = try AMLTerm.method("ABCD", [body]).encoded
        #expect(Array(encoded[1..<1 + row.bytes.count]) == row.bytes)
        #expect(encoded.count == 1 + row.bytes.count + row.content)
    }
}
