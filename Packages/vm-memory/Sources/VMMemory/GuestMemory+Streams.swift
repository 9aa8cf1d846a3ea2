// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import VMMSysUtil

// One system call each, for sockets, pipes and taps, where a call is a message or may move less than asked.
extension GuestMemory {
    /// Reads what comes from a stream or socket, straight into guest memory, in one `readv`.
    /// - Returns: the number of bytes, 0 at the end of the stream. It is less than asked where less came, or where guest
    ///   memory ends, turns read-only or crosses more than 16 regions.
    /// - Throws: `unmapped` or `readOnly` if the first byte has no place; `system`, with `EAGAIN` where a non-blocking
    ///   descriptor has nothing.
    public func readSome(_ file: borrowing FileDescriptor, byteCount: UInt64, to address: GuestAddress)
        throws(GuestMemoryError) -> UInt64
    {
        let fd = file.rawValue
        return try vectored(.read, byteCount, address, isWrite: true) { readv(fd, $0, $1) }
    }

    /// Writes guest memory straight to a stream or socket, in one `writev`.
    /// - Returns: the number of bytes that went, which may be less than asked; see `readSome`.
    public func writeSome(_ file: borrowing FileDescriptor, byteCount: UInt64, from address: GuestAddress)
        throws(GuestMemoryError) -> UInt64
    {
        let fd = file.rawValue
        return try vectored(.write, byteCount, address, isWrite: false) { writev(fd, $0, $1) }
    }

    private func vectored(
        _ operation: GuestMemoryError.Operation, _ byteCount: UInt64, _ address: GuestAddress, isWrite: Bool,
        _ call: (UnsafePointer<iovec>, Int32) -> Int
    ) throws(GuestMemoryError) -> UInt64 {
        guard byteCount > 0 else { return 0 }
        return try withUnsafeTemporaryAllocation(of: iovec.self, capacity: 16) { (vectors) throws(GuestMemoryError) in
            // Never nil: the capacity is not zero.
            guard let base = vectors.baseAddress else { return 0 }
            var count = 0
            var planned: UInt64 = 0
            while planned < byteCount, count < vectors.count {
                let next = address.rawValue &+ planned
                guard let piece = piece(at: next, atMost: byteCount &- planned) else {
                    if count == 0 { throw .unmapped(address) }
                    break
                }
                if isWrite, piece.entry.pointee.isReadOnly {
                    if count == 0 { throw .readOnly(address) }
                    break
                }
                (base + count).initialize(to: iovec(iov_base: piece.host, iov_len: piece.length))
                count &+= 1
                planned &+= piece.byteCount
            }
            while true {
                let result = call(base, Int32(truncatingIfNeeded: count))
                if result >= 0 {
                    if isWrite { mark(address, UInt64(result)) }
                    return UInt64(result)
                }
                let errno = Errno.last
                if errno == .interrupted { continue }
                // Some of it may have arrived before the failure, but not when there was nothing to take.
                if isWrite, errno != .wouldBlock { mark(address, planned) }
                throw .system(operation, address, byteCount: byteCount, completed: 0, errno)
            }
        }
    }

    private func mark(_ address: GuestAddress, _ byteCount: UInt64) {
        // Within mapped regions, so the range exists.
        if let range = GuestRange(start: address, byteCount: byteCount) { markDirty(range) }
    }
}
