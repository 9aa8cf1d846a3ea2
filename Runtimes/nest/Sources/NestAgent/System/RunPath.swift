// SPDX-License-Identifier: Apache-2.0

/// A path below `/run`, where nothing of the agent's programs is: there, and only there, callers have files and mounts made.
struct RunPath: Equatable {
    static let root = "/run"

    /// What stands between the slashes, below the root. Not empty, and no `.` and `..` among them.
    let names: [String]

    /// - Returns: nil for a path that is not below the root by its text alone.
    init?(_ path: String) {
        // By bytes, as the kernel reads it: for Swift a slash and an accent behind it are one character, and no slash.
        let parts = path.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        guard path.utf8.count < 1024, !path.utf8.contains(0), parts.count > 2, parts[0].isEmpty,
            parts[1].elementsEqual("run".utf8)
        else { return nil }
        names = parts.dropFirst(2).map { String(Substring($0)) }
        guard names.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else { return nil }
    }
}
