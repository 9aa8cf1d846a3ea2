// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import VMMSysUtil

/// All bytes of a file.
public func readWholeFile(_ path: String) throws(Errno) -> [UInt8] {
    let file = FileDescriptor(owning: try retryOnInterrupt { open(path, O_RDONLY | O_CLOEXEC) })
    let number = file.rawValue
    var status = stat()
    try retryOnInterrupt { fstat(number, &status) }
    if status.st_mode & S_IFMT == S_IFDIR { throw Errno(rawValue: EISDIR) }
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    var filled = 0
    while filled < bytes.count {
        let count = try bytes.withUnsafeMutableBytes { buffer throws(Errno) in
            try retryOnInterrupt {
                read(number, buffer.baseAddress.map { $0 + filled }, buffer.count - filled)
            }
        }
        if count == 0 { break }
        filled += count
    }
    bytes.removeLast(bytes.count - filled)
    return bytes
}

/// Writes a new file, or replaces what is in an old one.
public func writeWholeFile(_ path: String, _ bytes: [UInt8]) throws(Errno) {
    let file = FileDescriptor(
        owning: try retryOnInterrupt { open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644) })
    let number = file.rawValue
    var written = 0
    while written < bytes.count {
        written += try bytes.withUnsafeBytes { buffer throws(Errno) in
            try retryOnInterrupt {
                write(number, buffer.baseAddress.map { $0 + written }, buffer.count - written)
            }
        }
    }
}

/// The paths of all regular files below a directory, in an order that does not depend on the file system.
func listFiles(below directory: String) throws(Errno) -> [String] {
    guard let stream = opendir(directory) else { throw Errno.last }
    defer { closedir(stream) }
    var names: [String] = []
    while let entry = readdir(stream) {
        let name = withUnsafePointer(to: &entry.pointee.d_name) { pointer in
            pointer.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
        }
        if name != "." && name != ".." { names.append(name) }
    }
    var files: [String] = []
    for name in names.sorted() {
        let path = "\(directory)/\(name)"
        var status = stat()
        if lstat(path, &status) < 0 { throw Errno.last }
        switch status.st_mode & S_IFMT {
        case S_IFDIR: files += try listFiles(below: path)
        case S_IFREG: files.append(path)
        default: break
        }
    }
    return files
}
