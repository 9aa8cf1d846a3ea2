// SPDX-License-Identifier: Apache-2.0

extension VolatileSlice {
    /// Reads an integer; the thread's later accesses stay behind it.
    /// - Throws: `misaligned` if it does not lie at a multiple of its size.
    @inlinable
    public func loadAcquire<T: GuestInteger>(_ type: T.Type = T.self, atByteOffset offset: UInt64)
        throws(GuestMemoryError) -> T
    {
        T._atomicLoad(try atomicPointer(offset, MemoryLayout<T>.size), .acquiring)
    }

    /// Writes an integer; the thread's earlier accesses stay before it.
    @inlinable
    public func storeRelease<T: GuestInteger>(_ value: T, atByteOffset offset: UInt64) throws(GuestMemoryError) {
        try atomicStore(value, atByteOffset: offset, ordering: .releasing)
    }

    /// Reads an integer atomically.
    @inlinable
    public func atomicLoad<T: GuestInteger>(
        _ type: T.Type = T.self, atByteOffset offset: UInt64, ordering: LoadOrdering
    ) throws(GuestMemoryError) -> T {
        T._atomicLoad(try atomicPointer(offset, MemoryLayout<T>.size), ordering)
    }

    /// Writes an integer atomically.
    @inlinable
    public func atomicStore<T: GuestInteger>(_ value: T, atByteOffset offset: UInt64, ordering: StoreOrdering)
        throws(GuestMemoryError)
    {
        T._atomicStore(value, try writableAtomicPointer(offset, MemoryLayout<T>.size), ordering)
        mark(offset, UInt64(MemoryLayout<T>.size))
    }

    /// Replaces an integer atomically, sequentially consistent.
    /// - Returns: the old value.
    @inlinable
    public func atomicExchange<T: GuestInteger>(_ value: T, atByteOffset offset: UInt64) throws(GuestMemoryError) -> T {
        let old = T._atomicExchange(value, try writableAtomicPointer(offset, MemoryLayout<T>.size))
        mark(offset, UInt64(MemoryLayout<T>.size))
        return old
    }

    /// Replaces an integer atomically, sequentially consistent, if it has the expected value; marks its page either way.
    /// - Returns: whether it did, and the old value.
    @inlinable
    public func atomicCompareExchange<T: GuestInteger>(expected: T, desired: T, atByteOffset offset: UInt64)
        throws(GuestMemoryError) -> (exchanged: Bool, original: T)
    {
        let pointer = try writableAtomicPointer(offset, MemoryLayout<T>.size)
        let result = T._atomicCompareExchange(expected, desired, pointer)
        mark(offset, UInt64(MemoryLayout<T>.size))
        return result
    }

    /// Sets bits of an integer atomically, sequentially consistent.
    /// - Returns: the old value.
    @inlinable
    @discardableResult
    public func atomicOr<T: GuestInteger>(_ bits: T, atByteOffset offset: UInt64) throws(GuestMemoryError) -> T {
        let old = T._atomicOr(bits, try writableAtomicPointer(offset, MemoryLayout<T>.size))
        mark(offset, UInt64(MemoryLayout<T>.size))
        return old
    }

    /// Keeps only the given bits of an integer atomically, sequentially consistent.
    /// - Returns: the old value.
    @inlinable
    @discardableResult
    public func atomicAnd<T: GuestInteger>(_ bits: T, atByteOffset offset: UInt64) throws(GuestMemoryError) -> T {
        let old = T._atomicAnd(bits, try writableAtomicPointer(offset, MemoryLayout<T>.size))
        mark(offset, UInt64(MemoryLayout<T>.size))
        return old
    }

    @inlinable @inline(__always)
    func atomicPointer(_ offset: UInt64, _ size: Int) throws(GuestMemoryError) -> UnsafeMutableRawPointer {
        let pointer = try pointer(offset, UInt64(size))
        guard isAligned(pointer, size) else {
            throw .misaligned(GuestAddress(guestAddress.rawValue &+ offset), alignment: UInt64(size))
        }
        return pointer
    }

    @inlinable @inline(__always)
    func writableAtomicPointer(_ offset: UInt64, _ size: Int) throws(GuestMemoryError) -> UnsafeMutableRawPointer {
        if isReadOnly { throw .readOnly(GuestAddress(guestAddress.rawValue &+ offset)) }
        return try atomicPointer(offset, size)
    }
}
