// SPDX-License-Identifier: Apache-2.0

/// What ends the process: in a program that a guest or a client can reach, a trap is a denial of service.
public enum Traps {
    private static let banned: [(text: String, instead: String)] = [
        ("try!", "use try, and let the caller decide"),
        ("as!", "use as? and throw"),
        ("fatalError(", "throw a typed error"),
        ("preconditionFailure(", "throw a typed error"),
        ("precondition(", "throw a typed error; for an invariant of our own say why in a comment with `invariant:`"),
        ("assertionFailure(", "throw a typed error"),
        ("assert(", "throw a typed error; for an invariant of our own say why in a comment with `invariant:`"),
        ("unowned(unsafe)", "use a strong or a weak reference"),
        ("unsafeDowncast(", "use as? and throw"),
        (
            "unsafelyUnwrapped",
            "use guard let; where that costs too much say in a comment why it is never nil, with `invariant:`"
        ),
        ("abort()", "throw a typed error"),
    ]

    /// Traps in a file. A line whose comment, or the comment above it, has `invariant:` is left alone.
    public static func findings(in source: SwiftSource) -> [Finding] {
        var findings: [Finding] = []
        for (index, line) in source.code.enumerated() where line.contains(where: { $0 != " " }) {
            if states("invariant:", source: source, at: index) { continue }
            for (text, instead) in banned where containsWord(text, in: line) {
                findings.append(Finding(source.path, line: index + 1, "\(text): \(instead)"))
            }
            if forceUnwraps(line) {
                findings.append(
                    Finding(source.path, line: index + 1, "a force unwrap traps; use guard let, ?? or throw"))
            }
        }
        return findings
    }

    private static func states(_ mark: String, source: SwiftSource, at index: Int) -> Bool {
        if source.lines[index].contains(mark) { return true }
        var above = index - 1
        while above >= 0, source.lines[above].drop(while: { $0 == " " }).hasPrefix("//") {
            if source.lines[above].contains(mark) { return true }
            above -= 1
        }
        return false
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == 0x5F
    }

    /// Whether the text stands there and does not go on from a longer word.
    private static func containsWord(_ text: String, in line: Substring) -> Bool {
        let needle = Array(text.utf8)
        let hay = Array(line.utf8)
        guard hay.count >= needle.count else { return false }
        return (0...(hay.count - needle.count)).contains { start in
            hay[start..<start + needle.count].elementsEqual(needle) && (start == 0 || !isWord(hay[start - 1]))
        }
    }

    /// A `!` behind an expression or a type: not `!=`, not a negation, not `#if !x`.
    private static func forceUnwraps(_ line: Substring) -> Bool {
        let bytes = Array(line.utf8)
        for index in bytes.indices.dropFirst() where bytes[index] == UInt8(ascii: "!") {
            let before = bytes[index - 1]
            let isBehind = isWord(before) || [UInt8(ascii: ")"), UInt8(ascii: "]"), UInt8(ascii: "}")].contains(before)
            let isComparison = index + 1 < bytes.count && bytes[index + 1] == UInt8(ascii: "=")
            // try! and as! have a message of their own.
            let head = String(decoding: bytes[..<index], as: UTF8.self)
            let isKeyword = ["try", "as"].contains {
                head == $0 || head.hasSuffix(" \($0)") || head.hasSuffix("(\($0)")
            }
            if isBehind, !isComparison, !isKeyword { return true }
        }
        return false
    }
}
