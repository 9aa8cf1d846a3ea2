// SPDX-License-Identifier: Apache-2.0
internal import CVMMSysUtil
internal import Glibc

/// The system calls of files and descriptors, each with its error thrown. What a test would force to fail passes here.
enum Syscall {
    static func open(_ path: String, flags: Int32, mode: UInt32) throws(Errno) -> FileDescriptor {
        FileDescriptor(owning: try retryOnInterrupt { Glibc.open(path, flags | O_CLOEXEC, mode) })
    }

    static func read(_ number: Int32, _ buffer: UnsafeMutableRawBufferPointer) throws(Errno) -> Int {
        // A null pointer with a length of zero is legal for the kernel.
        try retryOnInterrupt { Glibc.read(number, buffer.baseAddress, buffer.count) }
    }

    static func write(_ number: Int32, _ buffer: UnsafeRawBufferPointer) throws(Errno) -> Int {
        try retryOnInterrupt { Glibc.write(number, buffer.baseAddress, buffer.count) }
    }

    static func pread(
        _ number: Int32, _ buffer: UnsafeMutableRawBufferPointer, offset: Int64
    ) throws(Errno) -> Int {
        try retryOnInterrupt { Glibc.pread(number, buffer.baseAddress, buffer.count, off_t(offset)) }
    }

    static func pwrite(_ number: Int32, _ buffer: UnsafeRawBufferPointer, offset: Int64) throws(Errno) -> Int {
        try retryOnInterrupt { Glibc.pwrite(number, buffer.baseAddress, buffer.count, off_t(offset)) }
    }

    static func status(_ number: Int32) throws(Errno) -> stat {
        var status = stat()
        try retryOnInterrupt { fstat(number, &status) }
        return status
    }

    static func truncate(_ number: Int32, byteCount: Int64) throws(Errno) {
        try retryOnInterrupt { ftruncate(number, off_t(byteCount)) }
    }

    static func control(_ number: Int32, _ command: Int32, _ argument: Int32 = 0) throws(Errno) -> Int32 {
        try retryOnInterrupt { fcntl(number, command, argument) }
    }

    static func pipe(flags: Int32) throws(Errno) -> (Int32, Int32) {
        var ends: (Int32, Int32) = (-1, -1)
        try retryOnInterrupt {
            withUnsafeMutableBytes(of: &ends) { pipe2($0.baseAddress?.assumingMemoryBound(to: Int32.self), flags) }
        }
        return ends
    }

    static func socketPair(type: Int32) throws(Errno) -> (Int32, Int32) {
        var ends: (Int32, Int32) = (-1, -1)
        try retryOnInterrupt {
            withUnsafeMutableBytes(of: &ends) {
                socketpair(AF_UNIX, type, 0, $0.baseAddress?.assumingMemoryBound(to: Int32.self))
            }
        }
        return ends
    }

    static func memFD(_ name: String, flags: UInt32) throws(Errno) -> FileDescriptor {
        FileDescriptor(owning: try retryOnInterrupt { memfd_create(name, flags) })
    }

    /// Makes a file by a template that ends in XXXXXX and NUL, and takes its name away.
    static func unlinkedFile(_ template: inout [CChar]) throws(Errno) -> FileDescriptor {
        let number = try retryOnInterrupt { mkostemp(&template, O_CLOEXEC) }
        let descriptor = FileDescriptor(owning: number)
        try retryOnInterrupt { unlink(template) }
        return descriptor
    }
}
