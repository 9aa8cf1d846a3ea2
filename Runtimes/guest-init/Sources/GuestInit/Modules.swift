// SPDX-License-Identifier: Apache-2.0
import CGuestInit

/// Loads the kernel modules that a file lists, a path a line, dependencies first.
///
/// A module that is built into this kernel, or loaded already, is not an error.
/// - Parameter unneeded: a module that is left out, because loading it takes time.
func loadModules(listedIn list: String, except unneeded: String = "") throws(InitError) {
    guard let bytes = try readFile(list) else { return }
    for line in bytes.split(separator: UInt8(ascii: "\n")) {
        let path = String(decoding: line, as: UTF8.self)
        // Every byte of the initramfs is guest memory, and once it is loaded the module is in the kernel.
        defer { unlink(path) }
        if path.utf8.elementsEqual(unneeded.utf8) { continue }
        let file = guest_open(path, O_RDONLY)
        if file < 0 { throw InitError("open \(path)", errno) }
        let result = guest_load_module(file)
        let error = errno
        close(file)
        if result < 0 && error != EEXIST { throw InitError("load \(path)", error) }
    }
}
