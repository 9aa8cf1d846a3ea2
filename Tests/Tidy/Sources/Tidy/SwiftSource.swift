// SPDX-License-Identifier: Apache-2.0

/// A Swift file with its comments and string literals blanked out, so that a search finds code only.
public struct SwiftSource: Sendable {
    /// The file, from the top folder.
    public let path: String
    /// The lines as written.
    public let lines: [Substring]
    /// The same lines with spaces for comments and for what stands in quotes. Code in an interpolation is blanked too.
    public let code: [Substring]

    /// Takes a file apart.
    public init(path: String, text: String) {
        self.path = path
        lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        code = String(decoding: Self.blank(Array(text.utf8)), as: UTF8.self)
            .split(separator: "\n", omittingEmptySubsequences: false)
    }

    private static func blank(_ input: [UInt8]) -> [UInt8] {
        let newline = UInt8(ascii: "\n")
        let quote = UInt8(ascii: "\"")
        let slash = UInt8(ascii: "/")
        let star = UInt8(ascii: "*")
        let hash = UInt8(ascii: "#")
        var output = input
        var index = 0

        func starts(_ text: StaticString, at position: Int) -> Bool {
            position + text.utf8CodeUnitCount <= input.count
                && (0..<text.utf8CodeUnitCount).allSatisfy { input[position + $0] == text.utf8Start[$0] }
        }
        func erase(_ count: Int) {
            for _ in 0..<count where index < input.count {
                if input[index] != newline { output[index] = UInt8(ascii: " ") }
                index += 1
            }
        }

        while index < input.count {
            if input[index] == slash, starts("//", at: index) {
                while index < input.count, input[index] != newline { erase(1) }
            } else if input[index] == slash, starts("/*", at: index) {
                var depth = 0
                repeat {
                    if starts("/*", at: index) {
                        depth += 1
                        erase(2)
                    } else if input[index] == star, starts("*/", at: index) {
                        depth -= 1
                        erase(2)
                    } else {
                        erase(1)
                    }
                } while depth > 0 && index < input.count
            } else if input[index] == quote || input[index] == hash {
                var hashes = 0
                while index + hashes < input.count, input[index + hashes] == hash { hashes += 1 }
                guard index + hashes < input.count, input[index + hashes] == quote else {
                    index += max(hashes, 1)
                    continue
                }
                let isMultiline = starts("\"\"\"", at: index + hashes)
                let quotes = isMultiline ? 3 : 1
                erase(hashes + quotes)
                while index < input.count {
                    if hashes == 0, input[index] == UInt8(ascii: "\\") {
                        // An interpolation may hold quotes: skip to its closing parenthesis.
                        if starts("\\(", at: index) {
                            var depth = 0
                            repeat {
                                if input[index] == UInt8(ascii: "(") { depth += 1 }
                                if input[index] == UInt8(ascii: ")") { depth -= 1 }
                                erase(1)
                                if depth == 0, input[index - 1] == UInt8(ascii: ")") { break }
                            } while index < input.count
                        } else {
                            erase(2)
                        }
                        continue
                    }
                    let closes =
                        (isMultiline ? starts("\"\"\"", at: index) : input[index] == quote)
                        && (0..<hashes).allSatisfy {
                            index + quotes + $0 < input.count && input[index + quotes + $0] == hash
                        }
                    if closes {
                        erase(quotes + hashes)
                        break
                    }
                    if !isMultiline, input[index] == newline { break }
                    erase(1)
                }
            } else {
                index += 1
            }
        }
        return output
    }
}
