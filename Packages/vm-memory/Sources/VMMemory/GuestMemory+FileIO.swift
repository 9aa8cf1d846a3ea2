// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import VMMSysUtil

extension GuestMemory {
    /// Reads part of a file straight into guest memory, all of it.
    ///
    /// Interrupted calls are repeated. On failure the pages of the whole call that failed count as written.
    /// - Throws: `endOfFile` if the file is shorter; `partial` or `readOnly` where guest memory ends.
    public func readFile(
        _ file: borrowing FileDescriptor, fileOffset: UInt64, byteCount: UInt64, to address: GuestAddress
    ) throws(GuestMemoryError) {
        let fd = file.rawValue
        try transfer(.readAtOffset, byteCount, address, isWrite: true) { (host, length, done) in
            guard let offset = Self.fileOffset(fileOffset, done) else { return Transferred(failed: .invalidArgument) }
            return Transferred(pread(fd, host, length, offset))
        }
    }

    /// Writes guest memory straight to part of a file, all of it.
    /// - Throws: `writeZero` if the file takes no more; `partial` where guest memory ends.
    public func writeFile(
        _ file: borrowing FileDescriptor, fileOffset: UInt64, byteCount: UInt64, from address: GuestAddress
    ) throws(GuestMemoryError) {
        let fd = file.rawValue
        try transfer(.writeAtOffset, byteCount, address, isWrite: false) { (host, length, done) in
            guard let offset = Self.fileOffset(fileOffset, done) else { return Transferred(failed: .invalidArgument) }
            return Transferred(pwrite(fd, host, length, offset))
        }
    }

    /// Reads a stream or socket straight into guest memory until all bytes came.
    /// - Throws: `endOfFile` if it ends first.
    public func readExactly(_ file: borrowing FileDescriptor, byteCount: UInt64, to address: GuestAddress)
        throws(GuestMemoryError)
    {
        let fd = file.rawValue
        try transfer(.read, byteCount, address, isWrite: true) { (host, length, _) in
            Transferred(Glibc.read(fd, host, length))
        }
    }

    /// Writes guest memory straight to a stream or socket until all bytes went. No byte of guest memory that went is
    /// read again.
    /// - Throws: `writeZero` if it takes no more.
    public func writeAll(_ file: borrowing FileDescriptor, byteCount: UInt64, from address: GuestAddress)
        throws(GuestMemoryError)
    {
        let fd = file.rawValue
        try transfer(.write, byteCount, address, isWrite: false) { (host, length, _) in
            Transferred(Glibc.write(fd, host, length))
        }
    }
}

extension GuestMemory {
    /// What one system call moved, or why it did not.
    package struct Transferred {
        let byteCount: Int
        let errno: Errno?

        /// What a system call returned; call it before anything else changes `errno`.
        package init(_ result: Int) {
            byteCount = max(0, result)
            errno = result < 0 ? .last : nil
        }

        /// A failure.
        package init(failed errno: Errno) {
            byteCount = 0
            self.errno = errno
        }
    }

    private static func fileOffset(_ start: UInt64, _ done: UInt64) -> Int? {
        let (sum, overflow) = start.addingReportingOverflow(done)
        return overflow ? nil : Int(exactly: sum)
    }

    /// Repeats one system call over the parts of a guest range. Tests give calls that do what no file here does.
    package func transfer(
        _ operation: GuestMemoryError.Operation, _ byteCount: UInt64, _ address: GuestAddress, isWrite: Bool,
        _ call: (UnsafeMutableRawPointer, Int, UInt64) -> Transferred
    ) throws(GuestMemoryError) {
        var done: UInt64 = 0
        while done < byteCount {
            let (next, overflow) = address.rawValue.addingReportingOverflow(done)
            guard !overflow, let piece = piece(at: next, atMost: byteCount &- done) else {
                if done == 0 { throw .unmapped(address) }
                throw .partial(address, expected: byteCount, completed: done)
            }
            if isWrite, piece.entry.pointee.isReadOnly { throw .readOnly(GuestAddress(next)) }
            // The kernel moves at most this much in one call; ask for no more, so that a short count means something.
            let length = min(piece.length, 0x7fff_f000)
            let result = call(piece.host, length, done)
            if let errno = result.errno {
                if errno == .interrupted { continue }
                // Some of it may have arrived before the failure.
                if isWrite { piece.entry.pointee.mark(offset: piece.offset, byteCount: UInt64(length)) }
                throw .system(operation, address, byteCount: byteCount, completed: done, errno)
            }
            if isWrite { piece.entry.pointee.mark(offset: piece.offset, byteCount: UInt64(result.byteCount)) }
            guard result.byteCount > 0 else {
                throw isWrite
                    ? .endOfFile(address, expected: byteCount, completed: done)
                    : .writeZero(address, expected: byteCount, completed: done)
            }
            done &+= UInt64(result.byteCount)
        }
    }
}
