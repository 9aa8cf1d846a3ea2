// SPDX-License-Identifier: Apache-2.0

extension GuestMemory {
    /// A view of bytes inside one region. It is valid as long as this memory lives, and making it marks nothing.
    /// - Throws: `crossesRegion` if the bytes do not lie in one region, even where the next one adjoins.
    public func slice(at address: GuestAddress, byteCount: UInt64) throws(GuestMemoryError) -> VolatileSlice {
        guard let entry = entry(address.rawValue) else {
            guard byteCount == 0 else { throw .unmapped(address) }
            return VolatileSlice(
                // invariant: the start of the primary region has a host address.
                hostAddress: primaryPointer(GuestAddress(primaryStart)).unsafelyUnwrapped, byteCount: 0,
                guestAddress: address,
                isReadOnly: false, dirty: nil, dirtyOffset: 0)
        }
        let offset = address.rawValue &- entry.pointee.start
        guard byteCount <= entry.pointee.byteCount &- offset else {
            throw .crossesRegion(address, byteCount: byteCount)
        }
        return VolatileSlice(
            hostAddress: entry.pointee.host + Int(truncatingIfNeeded: offset), byteCount: byteCount,
            guestAddress: address, isReadOnly: entry.pointee.isReadOnly, dirty: entry.pointee.dirty,
            dirtyOffset: offset)
    }

    /// Calls `body` with a view of each part of a range that lies in one region, in ascending order.
    /// - Throws: `unmapped` with the first address that is not mapped, after `body` got the parts before it; what `body`
    ///   throws.
    public func forEachSlice(of range: GuestRange, _ body: (VolatileSlice) throws(GuestMemoryError) -> Void)
        throws(GuestMemoryError)
    {
        var done: UInt64 = 0
        while done < range.byteCount {
            let address = range.start.rawValue &+ done
            guard let piece = piece(at: address, atMost: range.byteCount &- done) else {
                throw .unmapped(GuestAddress(address))
            }
            try body(
                VolatileSlice(
                    hostAddress: piece.host, byteCount: piece.byteCount, guestAddress: GuestAddress(address),
                    isReadOnly: piece.entry.pointee.isReadOnly, dirty: piece.entry.pointee.dirty,
                    dirtyOffset: piece.offset))
            done &+= piece.byteCount
        }
    }

    /// Appends the host addresses of a range, one piece for each region that it crosses. Nothing is appended if a byte
    /// of it is not mapped.
    ///
    /// The pieces are valid as long as this memory lives. Who has them written (by `readv`, say) calls `markDirty`.
    /// - Parameters:
    ///   - range: the guest addresses.
    ///   - vectors: what the pieces are appended to.
    ///   - forWriting: refuse read-only regions.
    public func appendIOVecs(of range: GuestRange, to vectors: inout IOVecs, forWriting: Bool = false)
        throws(GuestMemoryError)
    {
        // The common case: one region, one look.
        if let piece = piece(at: range.start.rawValue, atMost: range.byteCount), piece.byteCount == range.byteCount {
            if forWriting, piece.entry.pointee.isReadOnly { throw .readOnly(range.start) }
            return vectors.append(piece.host, byteCount: piece.length)
        }
        try forEachSlice(of: range) { (slice) throws(GuestMemoryError) in
            if forWriting, slice.isReadOnly { throw .readOnly(slice.guestAddress) }
        }
        var done: UInt64 = 0
        while done < range.byteCount,
            let piece = piece(at: range.start.rawValue &+ done, atMost: range.byteCount &- done)
        {
            vectors.append(piece.host, byteCount: piece.length)
            done &+= piece.byteCount
        }
    }
}
