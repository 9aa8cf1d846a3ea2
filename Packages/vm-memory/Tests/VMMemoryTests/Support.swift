// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil
import VMMemory

/// A range that the test knows to be valid.
func range(_ start: UInt64, _ byteCount: UInt64, _ location: SourceLocation = #_sourceLocation) throws -> GuestRange {
    try #require(GuestRange(start: GuestAddress(start), byteCount: byteCount), sourceLocation: location)
}

/// Anonymous memory at (start, length) pairs.
func memory(_ ranges: (UInt64, UInt64)..., options: MappingOptions = .init()) throws -> GuestMemory {
    var list: [GuestRange] = []
    for (start, byteCount) in ranges { list.append(try range(start, byteCount)) }
    return try GuestMemory.anonymous(list, options: options)
}

extension GuestMemory {
    func write(_ bytes: [UInt8], _ address: UInt64) throws {
        try bytes.withUnsafeBytes { try write(at: GuestAddress(address), from: $0) }
    }

    func writeSome(_ bytes: [UInt8], _ address: UInt64) throws -> Int {
        try bytes.withUnsafeBytes { try writeSome(at: GuestAddress(address), from: $0) }
    }

    func readSome(_ count: Int, _ address: UInt64) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xee, count: count)
        let done = try bytes.withUnsafeMutableBytes { try readSome(at: GuestAddress(address), into: $0) }
        return Array(bytes[..<done])
    }

    func read(_ count: Int, _ address: UInt64) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0xee, count: count)
        try bytes.withUnsafeMutableBytes { try read(at: GuestAddress(address), into: $0) }
        return bytes
    }
}

/// A file without a name that holds the bytes.
func temporaryFile(_ bytes: [UInt8] = []) throws -> FileDescriptor {
    var name = Array("/tmp/vm-memory-XXXXXX".utf8CString)
    let number = mkstemp(&name)
    try #require(number >= 0)
    unlink(name)
    let file = FileDescriptor(owning: number)
    try #require(pwrite(number, bytes, bytes.count, 0) == bytes.count)
    return file
}

/// Everything in a file.
func contents(_ file: borrowing FileDescriptor) -> [UInt8] {
    var status = stat()
    fstat(file.rawValue, &status)
    var bytes = [UInt8](repeating: 0, count: Int(status.st_size))
    let count = pread(file.rawValue, &bytes, bytes.count, 0)
    return Array(bytes.prefix(max(0, count)))
}

/// Both ends of a pipe.
struct Pipe: ~Copyable {
    let reader: FileDescriptor
    let writer: FileDescriptor

    init() throws {
        var numbers: [Int32] = [-1, -1]
        try #require(pipe(&numbers) == 0)
        reader = FileDescriptor(owning: numbers[0])
        writer = FileDescriptor(owning: numbers[1])
    }
}

/// Bytes 0, 1, 2, ... around.
func pattern(_ count: Int, from start: Int = 0) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7 &+ start) }
}

/// Whether a text stands in this process's list of mappings.
func isMapped(_ name: String) throws -> Bool {
    let file = FileDescriptor(owning: open("/proc/self/maps", O_RDONLY))
    var text: [UInt8] = []
    var chunk = [UInt8](repeating: 0, count: 65536)
    while true {
        let count = Glibc.read(file.rawValue, &chunk, chunk.count)
        guard count > 0 else { break }
        text += chunk[..<count]
    }
    return String(decoding: text, as: UTF8.self).contains(name)
}
