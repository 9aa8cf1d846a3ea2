// SPDX-License-Identifier: Apache-2.0
internal import CVMMemory

extension GuestMemory {
    /// Reads an integer in the host's byte order, which is little-endian, as the guest's.
    ///
    /// At a multiple of its size it is one volatile access, never torn. Elsewhere, and across adjacent regions, it is
    /// read in aligned parts.
    @inlinable
    public func load<T: GuestInteger>(_ type: T.Type = T.self, at address: GuestAddress) throws(GuestMemoryError) -> T {
        // Made before the check so that a loop keeps what it is made from in registers; used after it.
        let pointer = primaryPointer(address)
        guard isPrimary(address, T.self, primaryWords) else { return try loadElsewhere(address) }
        // invariant: the address is in the primary region, whose host addresses are not nil.
        return T._volatileLoad(pointer.unsafelyUnwrapped)
    }

    /// Writes an integer; see `load` for the order of bytes and tearing.
    @inlinable
    public func store<T: GuestInteger>(_ value: T, at address: GuestAddress) throws(GuestMemoryError) {
        let pointer = primaryPointer(address)
        guard isPrimary(address, T.self, primaryStoreWords) else { return try storeElsewhere(value, address) }
        // invariant: the address is in the primary region, whose host addresses are not nil.
        T._volatileStore(value, pointer.unsafelyUnwrapped)
    }

    /// Reads a structure.
    ///
    /// Fields that are aligned in guest memory and at most 8 bytes long are not torn, but the guest may change one field
    /// between the reads of two.
    @inlinable
    public func loadPlain<T: PlainBytes>(as type: T.Type = T.self, at address: GuestAddress) throws(GuestMemoryError)
        -> T
    {
        try withUnsafeTemporaryAllocation(byteCount: MemoryLayout<T>.size, alignment: MemoryLayout<T>.alignment) {
            (bytes) throws(GuestMemoryError) -> T in
            if isPrimaryWords(address, MemoryLayout<T>.size, primaryWords), let pointer = primaryPointer(address) {
                for offset in stride(from: 0, to: MemoryLayout<T>.size, by: 8) {
                    bytes.storeBytes(of: UInt64._volatileLoad(pointer + offset), toByteOffset: offset, as: UInt64.self)
                }
            } else {
                try read(at: address, into: bytes)
            }
            return bytes.load(as: T.self)
        }
    }

    /// Writes a structure; see `loadPlain` for tearing.
    @inlinable
    public func storePlain<T: PlainBytes>(_ value: T, at address: GuestAddress) throws(GuestMemoryError) {
        try withUnsafeBytes(of: value) { (bytes) throws(GuestMemoryError) in
            if isPrimaryWords(address, MemoryLayout<T>.size, primaryStoreWords), let pointer = primaryPointer(address) {
                for offset in stride(from: 0, to: MemoryLayout<T>.size, by: 8) {
                    UInt64._volatileStore(
                        bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self), pointer + offset)
                }
            } else {
                try write(at: address, from: bytes)
            }
        }
    }

    /// Reads bytes, across adjacent regions where needed. Aligned fields of up to 8 bytes are not torn.
    ///
    /// Where it runs into a hole it throws `partial` and the bytes before that have been read.
    public func read(at address: GuestAddress, into buffer: UnsafeMutableRawBufferPointer) throws(GuestMemoryError) {
        let done = try readSome(at: address, into: buffer)
        guard done == buffer.count else {
            throw .partial(address, expected: UInt64(buffer.count), completed: UInt64(done))
        }
    }

    /// Writes bytes, across adjacent regions where needed. Aligned fields of up to 8 bytes are not torn.
    ///
    /// Where it runs into a hole it throws `partial`, where it runs into a read-only region `readOnly`; the bytes before
    /// that have been written.
    public func write(at address: GuestAddress, from buffer: UnsafeRawBufferPointer) throws(GuestMemoryError) {
        let done = try writeSome(at: address, from: buffer)
        guard done == buffer.count else {
            let stop = address.rawValue &+ UInt64(done)
            if let entry = entry(stop), entry.pointee.isReadOnly { throw .readOnly(GuestAddress(stop)) }
            throw .partial(address, expected: UInt64(buffer.count), completed: UInt64(done))
        }
    }

    /// Reads bytes up to the first hole.
    /// - Returns: the number of bytes read: all of them unless there is a hole.
    public func readSome(at address: GuestAddress, into buffer: UnsafeMutableRawBufferPointer) throws(GuestMemoryError)
        -> Int
    {
        guard let base = buffer.baseAddress else { return 0 }
        if let pointer = primaryBytes(address, buffer.count, primaryWords) {
            vmm_copy_out(base, pointer, buffer.count)
            return buffer.count
        }
        var done = 0
        while done < buffer.count {
            guard let piece = piece(at: address.rawValue &+ UInt64(done), atMost: UInt64(buffer.count &- done)) else {
                if done == 0 { throw .unmapped(address) }
                break
            }
            vmm_copy_out(base + done, piece.host, piece.length)
            done &+= piece.length
        }
        return done
    }

    /// Writes bytes up to the first hole or read-only region.
    /// - Returns: the number of bytes written: all of them unless something is in the way.
    public func writeSome(at address: GuestAddress, from buffer: UnsafeRawBufferPointer) throws(GuestMemoryError) -> Int
    {
        guard let base = buffer.baseAddress else { return 0 }
        if let pointer = primaryBytes(address, buffer.count, primaryStoreWords) {
            vmm_copy_in(pointer, base, buffer.count)
            return buffer.count
        }
        var done = 0
        while done < buffer.count {
            guard let piece = piece(at: address.rawValue &+ UInt64(done), atMost: UInt64(buffer.count &- done)) else {
                if done == 0 { throw .unmapped(address) }
                break
            }
            if piece.entry.pointee.isReadOnly {
                if done == 0 { throw .readOnly(address) }
                break
            }
            vmm_copy_in(piece.host, base + done, piece.length)
            piece.entry.pointee.mark(offset: piece.offset, byteCount: piece.byteCount)
            done &+= piece.length
        }
        return done
    }

    /// Writes `byteCount` equal bytes.
    public func fill(_ byte: UInt8, at address: GuestAddress, byteCount: UInt64) throws(GuestMemoryError) {
        guard byteCount > 0 else { return }
        let chunk = 4096
        try withUnsafeTemporaryAllocation(byteCount: chunk, alignment: 16) { (bytes) throws(GuestMemoryError) in
            bytes.initializeMemory(as: UInt8.self, repeating: byte)
            var done: UInt64 = 0
            while done < byteCount {
                let (next, overflow) = address.rawValue.addingReportingOverflow(done)
                guard !overflow else { throw .partial(address, expected: byteCount, completed: done) }
                let count = Int(min(UInt64(chunk), byteCount &- done))
                let part = UnsafeRawBufferPointer(rebasing: bytes[..<count])
                let written: Int
                do throws(GuestMemoryError) {
                    written = try writeSome(at: GuestAddress(next), from: part)
                } catch {
                    if done > 0, case .unmapped = error {
                        throw .partial(address, expected: byteCount, completed: done)
                    }
                    throw error
                }
                done &+= UInt64(written)
            }
        }
    }
}

extension GuestMemory {
    /// Whether an access is aligned and starts within the first `limit` bytes, a multiple of 8, of the primary region:
    /// one comparison, because turning the low bits to the top makes a misaligned offset larger than any limit.
    @inlinable @inline(__always)
    func isPrimary<T: GuestInteger>(_ address: GuestAddress, _ type: T.Type, _ limit: UInt64) -> Bool {
        let offset = address.rawValue &- primaryStart
        let shift = UInt64(MemoryLayout<T>.size.trailingZeroBitCount)
        let turned = offset &>> shift | offset &<< (64 &- shift)
        return _fastPath(turned < limit &>> shift)
    }

    /// Whether a structure is a few whole words, aligned and within the first `limit` bytes of the primary region. The
    /// size is a constant where this is inlined, so such a structure (a ring's descriptor) is moved without a loop.
    @inlinable @inline(__always)
    func isPrimaryWords(_ address: GuestAddress, _ size: Int, _ limit: UInt64) -> Bool {
        guard size & 7 == 0, size <= 64 else { return false }
        let offset = address.rawValue &- primaryStart
        return offset & 7 == 0 && offset < limit && UInt64(truncatingIfNeeded: size) <= limit &- offset
    }

    /// Where bytes of the primary region are mapped here; nil if they do not lie within its first `limit` bytes.
    func primaryBytes(_ address: GuestAddress, _ count: Int, _ limit: UInt64) -> UnsafeMutableRawPointer? {
        let offset = address.rawValue &- primaryStart
        guard offset < limit, UInt64(count) <= limit &- offset else { return nil }
        return primaryPointer(address)
    }

    /// Where a guest address is mapped here if it lies in the primary region; it is not nil then.
    @inlinable @inline(__always)
    func primaryPointer(_ address: GuestAddress) -> UnsafeMutableRawPointer? {
        UnsafeMutableRawPointer(bitPattern: primaryDelta &+ UInt(truncatingIfNeeded: address.rawValue))
    }

    @inlinable @inline(never)
    func loadElsewhere<T: GuestInteger>(_ address: GuestAddress) throws(GuestMemoryError) -> T {
        let size = UInt64(MemoryLayout<T>.size)
        if address.rawValue & (size &- 1) == 0, let (entry, offset) = locate(address.rawValue, size) {
            return T._volatileLoad(entry.pointee.host + Int(truncatingIfNeeded: offset))
        }
        var value: T = 0
        try withUnsafeMutableBytes(of: &value) { (bytes) throws(GuestMemoryError) in try read(at: address, into: bytes)
        }
        return value
    }

    @inlinable @inline(never)
    func storeElsewhere<T: GuestInteger>(_ value: T, _ address: GuestAddress) throws(GuestMemoryError) {
        let size = UInt64(MemoryLayout<T>.size)
        if address.rawValue & (size &- 1) == 0, let (entry, offset) = locate(address.rawValue, size) {
            if entry.pointee.isReadOnly { throw .readOnly(address) }
            T._volatileStore(value, entry.pointee.host + Int(truncatingIfNeeded: offset))
            entry.pointee.mark(offset: offset, byteCount: size)
            return
        }
        try withUnsafeBytes(of: value) { (bytes) throws(GuestMemoryError) in try write(at: address, from: bytes) }
    }
}
