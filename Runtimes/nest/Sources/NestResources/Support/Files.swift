// SPDX-License-Identifier: Apache-2.0
internal import CNestResources
internal import Glibc
internal import VMMSysUtil

/// Reads a whole small file.
/// - Throws: `.fileTooLarge` past the limit; `.invalidArgument` for what is not a regular file.
func readFile(_ path: String, limit: Int) throws(Errno) -> [UInt8] {
    // Without O_NONBLOCK a named pipe would wait for a writer.
    let file = try FileDescriptor.open(path, .nonBlocking)
    guard try file.kind() == .regular else { throw .invalidArgument }
    return try file.readToEnd(limit: limit)
}

/// Reads once, as much as the buffer holds.
func readOnce(_ file: borrowing FileDescriptor, into buffer: inout [UInt8]) throws(Errno) -> Int {
    let number = file.rawValue
    var span = buffer.mutableSpan
    return try span.withUnsafeMutableBytes { bytes throws(Errno) in
        try retryOnInterrupt { Glibc.read(number, bytes.baseAddress, bytes.count) }
    }
}

/// Writes a text into an existing file in one call, as control files of the kernel want it.
func writeControl(_ path: String, _ text: String) throws(Errno) {
    let file = try FileDescriptor.open(path, .writeOnly)
    let bytes = Array(text.utf8)
    _ = try bytes.span.withUnsafeBytes { bytes throws(Errno) in try file.write(from: bytes) }
}

/// A lock on an open file (`flock(2)`), which goes with its last descriptor, also when the process is killed.
enum FileLock {
    /// Takes it if nobody else holds it.
    static func tryExclusive(_ file: borrowing FileDescriptor) throws(Errno) -> Bool {
        try attempt(file.rawValue, LOCK_EX | LOCK_NB)
    }

    /// Shares it with others who share it.
    static func tryShared(_ file: borrowing FileDescriptor) throws(Errno) -> Bool {
        try attempt(file.rawValue, LOCK_SH | LOCK_NB)
    }

    private static func attempt(_ number: Int32, _ operation: Int32) throws(Errno) -> Bool {
        do throws(Errno) { try retryOnInterrupt { flock(number, operation) } } catch {
            if error == .wouldBlock { return false }
            throw error
        }
        return true
    }
}
