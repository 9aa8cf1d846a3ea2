// SPDX-License-Identifier: Apache-2.0

extension GuestMemory {
    /// Reads an integer atomically.
    /// - Throws: `misaligned` if the address is not a multiple of the integer's size.
    @inlinable
    public func atomicLoad<T: GuestInteger>(
        _ type: T.Type = T.self, at address: GuestAddress, ordering: LoadOrdering
    ) throws(GuestMemoryError) -> T {
        guard isPrimary(address, T.self, primaryWords) else {
            let (entry, offset) = try locateAtomic(address, UInt64(MemoryLayout<T>.size))
            return T._atomicLoad(entry.pointee.host + Int(truncatingIfNeeded: offset), ordering)
        }
        // invariant: the address is in the primary region, whose host addresses are not nil.
        return T._atomicLoad(primaryPointer(address).unsafelyUnwrapped, ordering)
    }

    /// Writes an integer atomically.
    /// - Throws: `misaligned` if the address is not a multiple of the integer's size.
    @inlinable
    public func atomicStore<T: GuestInteger>(
        _ value: T, at address: GuestAddress, ordering: StoreOrdering
    ) throws(GuestMemoryError) {
        try modifyAtomic(address, as: T.self) { T._atomicStore(value, $0, ordering) }
    }

    /// Replaces an integer atomically, sequentially consistent.
    /// - Returns: the old value.
    @inlinable
    public func atomicExchange<T: GuestInteger>(_ value: T, at address: GuestAddress) throws(GuestMemoryError) -> T {
        try modifyAtomic(address, as: T.self) { T._atomicExchange(value, $0) }
    }

    /// Replaces an integer atomically, sequentially consistent, if it has the expected value. It counts as a write for
    /// the dirty bitmap whether it replaced it or not.
    /// - Returns: whether it did, and the old value.
    @inlinable
    public func atomicCompareExchange<T: GuestInteger>(
        expected: T, desired: T, at address: GuestAddress
    ) throws(GuestMemoryError) -> (exchanged: Bool, original: T) {
        try modifyAtomic(address, as: T.self) { T._atomicCompareExchange(expected, desired, $0) }
    }

    /// Sets bits of an integer atomically, sequentially consistent.
    /// - Returns: the old value.
    @inlinable
    @discardableResult
    public func atomicOr<T: GuestInteger>(_ bits: T, at address: GuestAddress) throws(GuestMemoryError) -> T {
        try modifyAtomic(address, as: T.self) { T._atomicOr(bits, $0) }
    }

    /// Keeps only the given bits of an integer atomically, sequentially consistent.
    /// - Returns: the old value.
    @inlinable
    @discardableResult
    public func atomicAnd<T: GuestInteger>(_ bits: T, at address: GuestAddress) throws(GuestMemoryError) -> T {
        try modifyAtomic(address, as: T.self) { T._atomicAnd(bits, $0) }
    }

    @inlinable @inline(__always)
    func modifyAtomic<T: GuestInteger, Result>(
        _ address: GuestAddress, as type: T.Type = T.self, _ body: (UnsafeMutableRawPointer) -> Result
    ) throws(GuestMemoryError) -> Result {
        // invariant: the address is in the primary region, whose host addresses are not nil.
        if isPrimary(address, T.self, primaryStoreWords) { return body(primaryPointer(address).unsafelyUnwrapped) }
        let size = UInt64(MemoryLayout<T>.size)
        let (entry, offset) = try locateAtomic(address, size)
        if entry.pointee.isReadOnly { throw .readOnly(address) }
        let result = body(entry.pointee.host + Int(truncatingIfNeeded: offset))
        entry.pointee.mark(offset: offset, byteCount: size)
        return result
    }

    @usableFromInline
    func locateAtomic(_ address: GuestAddress, _ byteCount: UInt64) throws(GuestMemoryError)
        -> (entry: UnsafePointer<RegionEntry>, offset: UInt64)
    {
        guard address.rawValue & (byteCount &- 1) == 0 else { throw .misaligned(address, alignment: byteCount) }
        guard let found = locate(address.rawValue, byteCount) else {
            guard let entry = entry(address.rawValue) else { throw .unmapped(address) }
            throw .partial(
                address, expected: byteCount,
                completed: entry.pointee.byteCount &- (address.rawValue &- entry.pointee.start))
        }
        return found
    }
}
