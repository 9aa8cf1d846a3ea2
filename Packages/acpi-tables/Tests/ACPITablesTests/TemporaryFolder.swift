// SPDX-License-Identifier: Apache-2.0
import Glibc

let iasl = "/usr/bin/iasl"

/// A folder of its own, removed in the end with the files in it.
final class TemporaryFolder {
    struct Failure: Error { let call: String, error: Int32 }

    let path: String
    private var names: Set<String> = ["output"]

    init() throws {
        var template = Array("/tmp/acpi-tables-XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw Failure(call: "mkdtemp", error: errno) }
        path = String(cString: made)
    }

    deinit {
        for name in names { unlink("\(path)/\(name)") }
        rmdir(path)
    }

    func write(_ bytes: [UInt8], to name: String) throws {
        names.insert(name)
        guard let file = fopen("\(path)/\(name)", "w") else { throw Failure(call: name, error: errno) }
        defer { fclose(file) }
        guard fwrite(bytes, 1, bytes.count, file) == bytes.count else { throw Failure(call: "fwrite", error: errno) }
    }

    func read(_ name: String) throws -> [UInt8] {
        names.insert(name)
        guard let file = fopen("\(path)/\(name)", "r") else { throw Failure(call: name, error: errno) }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes.prefix(count))
    }

    /// Runs a program in the folder.
    func run(_ arguments: [String]) throws -> (status: Int32, output: String) {
        let line = arguments.map { "'\($0)'" }.joined(separator: " ")
        let status = system("cd '\(path)' && \(line) >output 2>&1 </dev/null")
        return (status, String(decoding: try read("output"), as: UTF8.self))
    }
}
