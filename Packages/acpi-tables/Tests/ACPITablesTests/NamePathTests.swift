// SPDX-License-Identifier: Apache-2.0
import ACPITables
import Testing

@Suite struct NamePathTests {
    static let names: [(String, [UInt8])] = [
        ("A", Array("A___".utf8)),
        ("_SB", Array("_SB_".utf8)),
        ("COM1", Array("COM1".utf8)),
        ("\\", [0x5C, 0x00]),
        ("^", [0x5E, 0x00]),
        ("\\_SB", [0x5C] + Array("_SB_".utf8)),
        ("^^AB", [0x5E, 0x5E] + Array("AB__".utf8)),
        ("_SB.PCI0", [0x2E] + Array("_SB_PCI0".utf8)),
        ("\\_SB.PCI0.S1", [0x5C, 0x2F, 0x03] + Array("_SB_PCI0S1__".utf8)),
    ]

    @Test("segments are padded, and a path tells how many it has", arguments: names)
    func encodes(_ row: (text: String, bytes: [UInt8])) throws {
        #expect(try NamePath(row.text).encoded == row.bytes)
    }

    @Test(
        "what is not a name is refused",
        arguments: ["", "abcd", "1ABC", "ABCDE", "A.", ".A", "A..B", "A B", "\\^A", "A\\B", "^A.^B", "Ä"]
    )
    func refuses(_ text: String) {
        #expect(throws: AMLError.badName(text)) { try NamePath(text) }
    }

    @Test("255 segments are a name, 256 are not")
    func segmentLimit() throws {
        let longest = [String](repeating: "ABCD", count: 255).joined(separator: ".")
        #expect(try NamePath(longest).encoded.prefix(2) == [0x2F, 0xFF])
        #expect(throws: AMLError.badName(longest + ".A")) { try NamePath(longest + ".A") }
    }
}
