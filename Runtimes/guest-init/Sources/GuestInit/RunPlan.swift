// SPDX-License-Identifier: Apache-2.0
import CGuestInit

/// What to run, as the VMM left it in the initramfs: records `key=value`, each ended by a NUL.
struct RunPlan {
    /// The block device that holds the read-only root.
    var root = "/dev/vda"
    /// The command and its arguments.
    var arguments: [String] = []
    /// `NAME=value` each.
    var environment: [String] = []
    /// Where the command starts, inside the root.
    var directory = "/"

    /// Reads the plan.
    /// - Returns: nil if there is no such file, which means that there is nothing to run.
    static func read(_ path: String) throws(InitError) -> RunPlan? {
        guard let bytes = try readFile(path) else { return nil }
        var plan = RunPlan()
        for record in bytes.split(separator: 0) {
            let text = String(decoding: record, as: UTF8.self)
            if let value = text.value(of: "arg") {
                plan.arguments.append(value)
            } else if let value = text.value(of: "env") {
                plan.environment.append(value)
            } else if let value = text.value(of: "cwd") {
                plan.directory = value
            } else if let value = text.value(of: "root") {
                plan.root = value
            }
        }
        if plan.arguments.isEmpty { throw InitError("\(path) names no command") }
        return plan
    }
}

extension String {
    /// What follows `key=`, if the text starts so.
    func value(of key: String) -> String? {
        let prefix = key.utf8.count + 1
        let bytes = Array(utf8)
        guard bytes.count >= prefix, bytes[prefix - 1] == UInt8(ascii: "="),
            bytes[..<(prefix - 1)].elementsEqual(key.utf8)
        else { return nil }
        return String(decoding: bytes[prefix...], as: UTF8.self)
    }
}

/// All bytes of a small file.
/// - Returns: nil if there is no such file.
func readFile(_ path: String) throws(InitError) -> [UInt8]? {
    let file = guest_open(path, O_RDONLY)
    if file < 0 {
        if errno == ENOENT { return nil }
        throw InitError("open \(path)", errno)
    }
    defer { close(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while true {
        let count = chunk.withUnsafeMutableBytes { read(file, $0.baseAddress, $0.count) }
        if count < 0 { throw InitError("read \(path)", errno) }
        if count == 0 { return bytes }
        bytes.append(contentsOf: chunk[..<count])
    }
}
