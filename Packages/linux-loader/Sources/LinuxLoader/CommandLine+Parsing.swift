// SPDX-License-Identifier: Apache-2.0

extension CommandLine {
    /// Reads text as a user writes it: the first `--` that stands alone and outside quotes starts init's arguments.
    ///
    /// Spaces around the two parts go; everything else stays as it is, quotes too.
    public init(parsing text: some StringProtocol, capacity: Int = defaultCapacity) throws(CommandLineError) {
        try self.init(capacity: capacity)
        let whole = String(text)
        let words = try Self.words(whole)
        guard let separator = words.first(where: { $0 == "--" }) else {
            try insert(Self.trimmed(whole[...]))
            return
        }
        let kernelPart = Self.trimmed(whole[..<separator.startIndex])
        let initPart = Self.trimmed(whole[separator.endIndex...])
        try insert(kernelPart)
        try insertInitArgument(initPart)
    }

    /// Splits at spaces outside double quotes, as the kernel's own `next_arg` does.
    static func words(_ text: String) throws(CommandLineError) -> [Substring] {
        var words: [Substring] = []
        var start: String.Index?
        var isQuoted = false
        for index in text.utf8.indices {
            let byte = text.utf8[index]
            if byte == UInt8(ascii: "\"") { isQuoted.toggle() }
            if byte == UInt8(ascii: " "), !isQuoted {
                if let first = start { words.append(text[first..<index]) }
                start = nil
            } else if start == nil {
                start = index
            }
        }
        guard !isQuoted else { throw .openQuote }
        if let first = start { words.append(text[first...]) }
        return words
    }

    private static func trimmed(_ text: Substring) -> Substring {
        var rest = text
        while rest.utf8.first == UInt8(ascii: " ") { rest = rest.dropFirst() }
        while rest.utf8.last == UInt8(ascii: " ") { rest = rest.dropLast() }
        return rest
    }
}
