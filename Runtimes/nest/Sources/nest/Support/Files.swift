// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// The name by which containerd finds the runtime `io.containerd.nest.v2`.
let shimName = "containerd-shim-nest-v2"

/// What is in front of the last slash.
func folder(of path: String) -> String {
    guard let slash = path.lastIndex(of: "/") else { return "." }
    return slash == path.startIndex ? "/" : String(path[..<slash])
}

/// Whether there is such a file, and it may be used so: `R_OK`, `X_OK`, or both.
func isAccessible(_ path: String, _ mode: Int32 = R_OK) -> Bool { access(path, mode) == 0 }

/// The first program of that name in a search path.
func find(program name: String, in searchPath: String) -> String? {
    searchPath.split(separator: ":").map { "\($0)/\(name)" }.first { isAccessible($0, X_OK) }
}

/// The search path of this process, with the folders of system programs, which not everybody has in it.
var searchPath: String { (getenv("PATH").map { String(cString: $0) } ?? "") + ":/usr/sbin:/usr/bin:/sbin:/bin" }

/// A small file's text: at most 1 MiB of it.
func contents(of path: String) -> String? {
    guard let file = fopen(path, "re") else { return nil }
    defer { fclose(file) }
    var bytes: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 4096)
    while bytes.count < 1 << 20 {
        let count = fread(&chunk, 1, chunk.count, file)
        if count == 0 { break }
        bytes.append(contentsOf: chunk.prefix(count))
    }
    return String(decoding: bytes, as: UTF8.self)
}
