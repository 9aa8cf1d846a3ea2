// SPDX-License-Identifier: Apache-2.0
internal import VMMemory

extension DeviceTree {
    /// What the specification demands and libfdt does not look at.
    func check() throws(DeviceTreeError) {
        guard root.name.isEmpty else { throw .nodeName(path: "/" + root.name) }
        for range in reservations where range.isEmpty { throw .emptyReservation(range.start) }
        var handles: Set<UInt32> = []
        try root.check(path: "", depth: 1, &handles)
    }
}

extension DeviceTreeNode {
    fileprivate func check(path: String, depth: Int, _ handles: inout Set<UInt32>) throws(DeviceTreeError) {
        let shown = path.isEmpty ? "/" : path
        guard depth <= DeviceTree.maximumDepth else { throw .tooDeep(path: shown) }
        var names: Set<String> = []
        for property in properties {
            guard Self.isName(property.name, besides: "?#") else { throw .propertyName(path: shown, property.name) }
            guard names.insert(property.name).inserted else { throw .duplicateProperty(path: shown, property.name) }
            if case .strings(let texts) = property.value, texts.contains(where: { $0.utf8.contains(0) }) {
                throw .nulInString(path: shown, property.name)
            }
            if property.name == "phandle" { try Self.check(property.value, path: shown, &handles) }
        }
        var nodes: Set<String> = []
        for child in children {
            let below = path + "/" + child.name
            guard Self.isNodeName(child.name) else { throw .nodeName(path: below) }
            guard nodes.insert(child.name).inserted else { throw .duplicateNode(path: below) }
            try child.check(path: below, depth: depth + 1, &handles)
        }
    }

    private static func check(
        _ handle: DeviceTreeValue, path: String, _ handles: inout Set<UInt32>
    ) throws(DeviceTreeError) {
        guard case .cells(let cells) = handle, let value = cells.first, cells.count == 1, value > 0, value < .max else {
            throw .handle(path: path)
        }
        guard handles.insert(value).inserted else { throw .duplicateHandle(path: path, value) }
    }

    /// 2.2.1: a name, which begins with a letter, and perhaps `@` and a unit address of the same characters.
    private static func isNodeName(_ text: String) -> Bool {
        let parts = text.split(separator: "@", omittingEmptySubsequences: false)
        guard let name = parts.first, parts.count <= 2, let first = name.utf8.first else { return false }
        return isLetter(first) && isName(name, besides: "") && parts.dropFirst().allSatisfy { isAddress($0) }
    }

    /// 1 to 31 characters of 2.2.1's table 2.1, and the `others`.
    private static func isName(_ text: some StringProtocol, besides others: String) -> Bool {
        (1...31).contains(text.utf8.count)
            && text.utf8.allSatisfy { isAlphanumeric($0) || ",._+-".utf8.contains($0) || others.utf8.contains($0) }
    }

    /// A unit address may be longer than a name: two cells and a bus's own parts.
    private static func isAddress(_ text: Substring) -> Bool {
        (1...64).contains(text.utf8.count) && text.utf8.allSatisfy { isAlphanumeric($0) || ",._+-".utf8.contains($0) }
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
    }

    private static func isAlphanumeric(_ byte: UInt8) -> Bool {
        isLetter(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }
}
