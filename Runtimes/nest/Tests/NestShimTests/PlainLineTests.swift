// SPDX-License-Identifier: Apache-2.0
import NestModel
import Testing

@Suite("A text from outside as a line")
struct PlainLineTests {
    @Test(
        "line ends become spaces, control characters question marks, everything else stays",
        arguments: [
            ("a\nb\r\nc\td", "a b  c d"), ("\u{B}\u{C}\u{85}\u{2028}\u{2029}", "     "),
            ("\u{0}\u{1B}[m\u{7F}", "??[m?"),
            ("\u{80}\u{9B}\u{9F}\u{A0}", "???\u{A0}"), ("e\u{301} \u{1F980}", "e\u{301} \u{1F980}"), ("", ""),
        ])
    func characters(text: String, line: String) {
        #expect(Array(PlainLine.of(text, byteLimit: 100).utf8) == Array(line.utf8))
    }

    @Test("a line is cut behind a whole character, so that the mark has room", arguments: 4...12)
    func cut(limit: Int) {
        #expect(PlainLine.of("abcdefghijkl", byteLimit: limit).utf8.count == limit)
        #expect(PlainLine.of("abcdefghijkl", byteLimit: limit).hasSuffix(" ...") == (limit < 12))
        #expect(PlainLine.of("ääääää", byteLimit: limit).utf8.count == limit - limit % 2)
    }
}
