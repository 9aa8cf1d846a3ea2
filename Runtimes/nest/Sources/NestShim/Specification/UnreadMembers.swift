// SPDX-License-Identifier: Apache-2.0
internal import SwiftProtobuf

/// What a specification may ask for and no message of the agent's protocol can carry: refused by its path, as everything
/// else that nest does not do. Members that the specification does not define are ignored, as it demands.
enum UnreadMembers {
    private static let paths = [
        "domainname", "process.scheduler", "process.ioPriority", "process.execCPUAffinity", "linux.personality",
        "linux.timeOffsets", "linux.memoryPolicy", "linux.netDevices", "linux.resources.rdma",
    ]

    /// - Parameters:
    ///   - json: has been read once, so it is well-formed.
    ///   - root: the path of its outermost object in a specification; empty for a whole one.
    static func check(_ json: [UInt8], at root: String = "") throws(SpecificationError) {
        let prefix = root.isEmpty ? "" : root + "."
        // They are rare: only a file that has such a word anywhere, or may have one in escapes, is parsed a second time.
        let hasEscapes = json.contains(#"\u"#.utf8)
        let suspects = paths.filter { $0.hasPrefix(prefix) && (hasEscapes || json.contains(name(of: $0).utf8)) }
        guard let suspect = suspects.first else { return }
        // What else is in the file may be deeper, or a larger number, than this takes.
        guard let object = try? Google_Protobuf_Struct(jsonUTF8Bytes: json) else {
            throw .unsupported("members beside which \(suspect) cannot be looked for: too deep, or no numbers")
        }
        for path in suspects where isAskedFor(path.dropFirst(prefix.count), in: object) { throw .unsupported(path) }
    }

    private static func name(of path: String) -> String { path.split(separator: ".").last.map(String.init) ?? path }

    /// Whether it is there and not empty.
    private static func isAskedFor(_ path: Substring, in object: Google_Protobuf_Struct) -> Bool {
        let parts = path.split(separator: ".", maxSplits: 1)
        guard let first = parts.first, let value = object.fields[String(first)] else { return false }
        if parts.count > 1 { return isAskedFor(parts[1], in: value.structValue) }
        return switch value.kind {
        case .structValue(let object): !object.fields.isEmpty
        case .stringValue(let text): !text.isEmpty
        case .listValue(let list): !list.values.isEmpty
        case .numberValue, .boolValue: true
        case .nullValue, nil: false
        }
    }
}
