// SPDX-License-Identifier: Apache-2.0

/// Makes lines of bytes that arrive in pieces; a line beyond the limit is cut into several.
package struct LineSplitter {
    private let limit: Int
    private var rest: [UInt8] = []

    package init(limit: Int) { self.limit = limit }

    /// - Returns: the lines that are complete now, without their ends, and without empty ones.
    package mutating func push(_ bytes: some Sequence<UInt8>) -> [String] {
        var lines: [String] = []
        for byte in bytes {
            if byte == 0x0A || rest.count >= limit { if let line = finish() { lines.append(line) } }
            if byte != 0x0A { rest.append(byte) }
        }
        return lines
    }

    /// - Returns: what came after the last line end.
    package mutating func finish() -> String? {
        defer { rest.removeAll(keepingCapacity: true) }
        return rest.isEmpty ? nil : String(decoding: rest, as: UTF8.self)
    }
}
