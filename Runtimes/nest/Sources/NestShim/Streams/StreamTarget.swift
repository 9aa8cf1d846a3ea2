// SPDX-License-Identifier: Apache-2.0

/// Where a client wants an output to go: a FIFO, a file, or a program that logs.
enum StreamTarget: Equatable, Sendable {
    /// A FIFO that the client made, or any other file that exists.
    case fifo(String)
    /// A file that is made, with the directories above it, and appended to.
    case file(String)
    /// A program that reads both outputs, with its arguments.
    case binary(String, arguments: [String])

    /// Reads a path or a URI.
    init(_ text: String) throws(StreamError) {
        guard let colon = text.range(of: "://") else {
            self = .fifo(text)
            return
        }
        let scheme = text[..<colon.lowerBound]
        let rest = text[colon.upperBound...]
        let query = rest.firstIndex(of: "?")
        let path = Self.unescaped(rest[..<(query ?? rest.endIndex)])
        guard path.hasPrefix("/") else { throw .badURI(text) }
        switch scheme {
        case "fifo": self = .fifo(path)
        case "file": self = .file(path)
        case "binary":
            // As containerd does: each key, and its value if it has one, becomes an argument.
            var arguments: [String] = []
            if let query {
                for pair in rest[rest.index(after: query)...].split(separator: "&") {
                    let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                    arguments += parts.map { Self.unescaped($0) }.filter { !$0.isEmpty }
                }
            }
            self = .binary(path, arguments: arguments)
        default: throw .unknownScheme(String(scheme))
        }
    }

    /// A part of a URI with its `%XX` and `+` resolved; a `%` that no two digits follow stays.
    private static func unescaped(_ text: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == 0x25, rest.count >= 2,
                let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
            {
                bytes.append(value)
                rest = rest.dropFirst(2)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}

extension String {
    /// The first place of a text in this one.
    fileprivate func range(of text: String) -> Range<String.Index>? {
        var index = startIndex
        while index < endIndex {
            if self[index...].hasPrefix(text) { return index..<self.index(index, offsetBy: text.count) }
            index = self.index(after: index)
        }
        return nil
    }
}
