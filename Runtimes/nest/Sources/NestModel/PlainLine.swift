// SPDX-License-Identifier: Apache-2.0

/// A text from outside as one line that a log or a terminal can show. What a guest says may have escape sequences in it,
/// line ends, or no end at all.
public enum PlainLine {
    /// Makes the line.
    /// - Parameters:
    ///   - text: anything.
    ///   - byteLimit: the longest that the line may be, in UTF-8, 4 at least.
    /// - Returns: the text with a space for each line end and tabulator, `?` for each other control character of ASCII and
    ///   Latin 1, and ` ...` where it was cut.
    public static func of(_ text: String, byteLimit: Int) -> String {
        var line = String.UnicodeScalarView()
        var count = 0
        /// The line up to where a cut would be.
        var kept = line.endIndex
        for scalar in text.unicodeScalars {
            let plain = plain(scalar)
            count += UTF8.width(plain)
            guard count <= byteLimit else {
                line.removeSubrange(kept...)
                return String(line) + mark
            }
            line.append(plain)
            if count <= byteLimit - mark.utf8.count { kept = line.endIndex }
        }
        return String(line)
    }

    private static let mark = " ..."

    private static func plain(_ scalar: Unicode.Scalar) -> Unicode.Scalar {
        switch scalar.value {
        // The line ends of Unicode, too: U+0085, U+2028, U+2029.
        case 0x09...0x0D, 0x85, 0x2028, 0x2029: " "
        case 0..<0x20, 0x7F...0x9F: "?"
        default: scalar
        }
    }
}
