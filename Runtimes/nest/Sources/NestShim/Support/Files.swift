// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// Small whole files, and what else the shim does with paths.
enum Files {
    /// A file's bytes.
    /// - Throws: `.fileTooLarge` beyond the limit.
    static func read(_ path: String, limit: Int = 1 << 22) throws(Errno) -> [UInt8] {
        try FileDescriptor.open(path).readToEnd(limit: limit)
    }

    /// A file's text without the white space around it; nil if it cannot be read.
    static func text(_ path: String) -> String? {
        guard let bytes = try? read(path, limit: 1 << 20) else { return nil }
        return trimmed(String(decoding: bytes, as: UTF8.self))
    }

    /// A text without the white space around it.
    static func trimmed(_ text: some StringProtocol) -> String {
        var text = text[...]
        while let first = text.first, first.isWhitespace { text.removeFirst() }
        while let last = text.last, last.isWhitespace { text.removeLast() }
        return String(text)
    }

    /// Writes a file whole or not at all: beside it, then renamed over it.
    static func writeAtomically(_ text: String, to path: String) throws(Errno) {
        let (directory, name) = split(path)
        let temporary = "\(directory)/.\(name).\(getpid())"
        let file = try FileDescriptor.open(temporary, [.writeOnly, .create, .truncate], mode: 0o600)
        try write(Array(text.utf8), to: file)
        guard rename(temporary, path) == 0 else {
            let error = Errno.last
            unlink(temporary)
            throw error
        }
    }

    /// Writes into a file that is there already, such as one of /proc.
    static func overwrite(_ path: String, with text: String) throws(Errno) {
        try write(Array(text.utf8), to: try FileDescriptor.open(path, .writeOnly))
    }

    static func write(_ bytes: [UInt8], to file: borrowing FileDescriptor) throws(Errno) {
        var rest = bytes[...]
        let number = file.rawValue
        while !rest.isEmpty {
            let count = try retryOnInterrupt { rest.withUnsafeBytes { Glibc.write(number, $0.baseAddress, $0.count) } }
            rest = rest.dropFirst(count)
        }
    }

    /// The directory and the last component of a path.
    static func split(_ path: String) -> (directory: String, name: String) {
        guard let slash = path.lastIndex(of: "/") else { return (".", path) }
        let directory = path[..<slash]
        return (directory.isEmpty ? "/" : String(directory), String(path[path.index(after: slash)...]))
    }

    /// A path without `.`, `..` and doubled slashes, by its text alone; the parts are joined with a slash first.
    static func join(_ parts: String...) -> String {
        var result: [Substring] = []
        let joined = parts.filter { !$0.isEmpty }.joined(separator: "/")
        for part in joined.split(separator: "/") where part != "." {
            if part != ".." {
                result.append(part)
            } else if let last = result.last, last != ".." {
                result.removeLast()
            } else if !joined.hasPrefix("/") {
                result.append(part)
            }
        }
        let path = result.joined(separator: "/")
        if joined.hasPrefix("/") { return "/" + path }
        return path.isEmpty && !joined.isEmpty ? "." : path
    }

    /// Unmounts whatever is mounted at a path or below, the last first.
    static func unmountAll(below path: String) {
        guard let table = text("/proc/self/mountinfo") else { return }
        let points = table.split(separator: "\n").compactMap { line -> String? in
            let fields = line.split(separator: " ", maxSplits: 5)
            guard fields.count > 4 else { return nil }
            let point = String(fields[4])
            return point == path || point.hasPrefix(path + "/") ? point : nil
        }
        for point in points.reversed() { umount2(point, Int32(MNT_DETACH)) }
    }
}
