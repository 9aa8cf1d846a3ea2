// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import VMMSysUtil

/// All bytes of a regular file.
public func readWholeFile(_ path: String) throws(Errno) -> [UInt8] {
    let file = try FileDescriptor.open(path, .readOnly)
    guard try file.kind() == .regular else { throw .invalidArgument }
    guard let byteCount = Int(exactly: try file.byteCount()), byteCount <= 1 << 30 else { throw Errno(rawValue: EFBIG) }
    var bytes = [UInt8](repeating: 0, count: byteCount)
    do throws(TransferError) {
        var span = bytes.mutableSpan
        try span.withUnsafeMutableBytes { (buffer) throws(TransferError) in
            try file.readAll(into: buffer, atOffset: 0)
        }
    } catch {
        // The file shrank while it was read.
        throw .inputOutput
    }
    return bytes
}

/// Writes a new file, or replaces what is in an old one.
public func writeWholeFile(_ path: String, _ bytes: [UInt8]) throws(Errno) {
    try writeWhole(bytes, to: FileDescriptor.open(path, [.writeOnly, .create, .truncate]))
}

/// Writes all bytes at the position of an open file.
public func writeWhole(_ bytes: [UInt8], to file: borrowing FileDescriptor) throws(Errno) {
    var written = 0
    while written < bytes.count {
        written += try bytes.span.withUnsafeBytes { (buffer) throws(Errno) in
            try file.write(from: UnsafeRawBufferPointer(rebasing: buffer[written...]))
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
