// SPDX-License-Identifier: Apache-2.0
import LinuxLoaderFDT
import Testing

/// Reads a blob by the specification's chapter 5 alone. A blob has no types, so every value comes back as bytes.
struct Reader {
    private let blob: [UInt8]
    private var position: Int

    static func root(of blob: [UInt8]) throws -> DeviceTreeNode {
        var reader = Reader(blob: blob, position: 0)
        try #require(reader.number(at: 0) == 0xd00d_feed)
        try #require(reader.number(at: 4) == blob.count)
        reader.position = reader.number(at: 8)
        try #require(reader.token() == 1)
        let root = try reader.node()
        try #require(reader.token() == 9)
        return root
    }

    /// After its FDT_BEGIN_NODE.
    private mutating func node() throws -> DeviceTreeNode {
        var node = DeviceTreeNode(string(at: position))
        position += (node.name.utf8.count + 4) & ~3
        while true {
            switch token() {
            case 1: node.children.append(try self.node())
            case 2: return node
            case 3:
                let count = token()
                let name = string(at: number(at: 12) + token())
                node[name] = count == 0 ? .empty : .bytes(Array(blob[position..<position + count]))
                position += (count + 3) & ~3
            default: try #require(Bool(false), "unknown token before \(position)")
            }
        }
    }

    private func number(at offset: Int) -> Int { blob[offset..<offset + 4].reduce(0) { $0 << 8 | Int($1) } }

    private func string(at offset: Int) -> String {
        String(decoding: blob[offset...].prefix { $0 != 0 }, as: UTF8.self)
    }

    private mutating func token() -> Int {
        defer { position += 4 }
        return number(at: position)
    }
}
