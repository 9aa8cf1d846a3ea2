// SPDX-License-Identifier: Apache-2.0

/// Bytes of guest memory inside one region, with the bounds looked up once.
///
/// It holds no reference: it is valid as long as the `GuestMemory` (or whoever mapped the bytes) lives. Every access is
/// checked against the slice, is volatile, and tears no aligned integer; every write marks the region's dirty bitmap.
@frozen
public struct VolatileSlice: @unchecked Sendable {
    /// Where the first byte is mapped in this process.
    public let hostAddress: UnsafeMutableRawPointer
    /// The length.
    public let byteCount: UInt64
    /// The guest address of the first byte.
    public let guestAddress: GuestAddress
    /// Whether writes are refused.
    public let isReadOnly: Bool
    @usableFromInline let dirty: DirtyView?
    /// Where the slice starts in the bitmap's region.
    @usableFromInline let dirtyOffset: UInt64

    @inlinable
    init(
        hostAddress: UnsafeMutableRawPointer, byteCount: UInt64, guestAddress: GuestAddress, isReadOnly: Bool,
        dirty: DirtyView?, dirtyOffset: UInt64
    ) {
        self.hostAddress = hostAddress
        self.byteCount = byteCount
        self.guestAddress = guestAddress
        self.isReadOnly = isReadOnly
        self.dirty = dirty
        self.dirtyOffset = dirtyOffset
    }

    /// A slice of this process's own memory that someone else changes at the same time, such as a shared ring.
    /// - Parameters:
    ///   - hostAddress: `byteCount` bytes there stay mapped as long as the slice is used.
    ///   - byteCount: the slice's length.
    public init(hostAddress: UnsafeMutableRawPointer, byteCount: UInt64) {
        self.init(
            hostAddress: hostAddress, byteCount: byteCount, guestAddress: GuestAddress(0), isReadOnly: false,
            dirty: nil, dirtyOffset: 0)
    }

    /// Reads an integer in the host's byte order; one access where it is aligned, aligned parts elsewhere.
    @inlinable
    public func load<T: GuestInteger>(_ type: T.Type = T.self, atByteOffset offset: UInt64) throws(GuestMemoryError)
        -> T
    {
        let pointer = try pointer(offset, UInt64(MemoryLayout<T>.size))
        if isAligned(pointer, MemoryLayout<T>.size) { return T._volatileLoad(pointer) }
        var value: T = 0
        withUnsafeMutableBytes(of: &value) { copyOut(pointer, $0) }
        return value
    }

    /// Writes an integer in the host's byte order; one access where it is aligned, aligned parts elsewhere.
    @inlinable
    public func store<T: GuestInteger>(_ value: T, atByteOffset offset: UInt64) throws(GuestMemoryError) {
        let pointer = try writablePointer(offset, UInt64(MemoryLayout<T>.size))
        if isAligned(pointer, MemoryLayout<T>.size) {
            T._volatileStore(value, pointer)
        } else {
            withUnsafeBytes(of: value) { copyIn(pointer, $0) }
        }
        mark(offset, UInt64(MemoryLayout<T>.size))
    }

    /// Reads a structure; see `GuestMemory.loadPlain`.
    @inlinable
    public func loadPlain<T: PlainBytes>(as type: T.Type = T.self, atByteOffset offset: UInt64)
        throws(GuestMemoryError) -> T
    {
        let pointer = try pointer(offset, UInt64(MemoryLayout<T>.size))
        return withUnsafeTemporaryAllocation(byteCount: MemoryLayout<T>.size, alignment: MemoryLayout<T>.alignment) {
            copyOut(pointer, $0)
            return $0.load(as: T.self)
        }
    }

    /// Writes a structure; see `GuestMemory.loadPlain`.
    @inlinable
    public func storePlain<T: PlainBytes>(_ value: T, atByteOffset offset: UInt64) throws(GuestMemoryError) {
        let pointer = try writablePointer(offset, UInt64(MemoryLayout<T>.size))
        withUnsafeBytes(of: value) { copyIn(pointer, $0) }
        mark(offset, UInt64(MemoryLayout<T>.size))
    }

    /// A part of the slice.
    @inlinable
    public func subslice(atByteOffset offset: UInt64, byteCount: UInt64) throws(GuestMemoryError) -> VolatileSlice {
        let pointer = try pointer(offset, byteCount)
        return VolatileSlice(
            hostAddress: pointer, byteCount: byteCount, guestAddress: GuestAddress(guestAddress.rawValue &+ offset),
            isReadOnly: isReadOnly, dirty: dirty, dirtyOffset: dirtyOffset &+ offset)
    }

    /// The part from `offset` to the end.
    @inlinable
    public func suffix(fromByteOffset offset: UInt64) throws(GuestMemoryError) -> VolatileSlice {
        guard offset <= byteCount else {
            throw .outOfBounds(offset: offset, byteCount: 0, sliceByteCount: byteCount)
        }
        return try subslice(atByteOffset: offset, byteCount: byteCount &- offset)
    }

    /// A part of `elementCount` elements of `elementByteCount` bytes each.
    @inlinable
    public func subslice(atByteOffset offset: UInt64, elementCount: UInt64, elementByteCount: UInt64)
        throws(GuestMemoryError) -> VolatileSlice
    {
        let (product, overflow) = elementCount.multipliedReportingOverflow(by: elementByteCount)
        guard !overflow else { throw .tooBig(elementCount: elementCount, elementByteCount: elementByteCount) }
        return try subslice(atByteOffset: offset, byteCount: product)
    }

    /// Marks bytes as written, for writes that went through `hostAddress`.
    @inlinable
    public func markDirty(atByteOffset offset: UInt64, byteCount: UInt64) throws(GuestMemoryError) {
        _ = try pointer(offset, byteCount)
        mark(offset, byteCount)
    }
}

extension VolatileSlice {
    /// Where an offset is mapped, checked.
    @inlinable @inline(__always)
    func pointer(_ offset: UInt64, _ count: UInt64) throws(GuestMemoryError) -> UnsafeMutableRawPointer {
        guard offset <= byteCount, count <= byteCount &- offset else { throw outside(offset, count) }
        return hostAddress + Int(truncatingIfNeeded: offset)
    }

    @inlinable @inline(__always)
    func writablePointer(_ offset: UInt64, _ count: UInt64) throws(GuestMemoryError) -> UnsafeMutableRawPointer {
        if isReadOnly { throw .readOnly(GuestAddress(guestAddress.rawValue &+ offset)) }
        return try pointer(offset, count)
    }

    @inlinable @inline(never)
    func outside(_ offset: UInt64, _ count: UInt64) -> GuestMemoryError {
        offset.addingReportingOverflow(count).overflow
            ? .overflow(base: offset, offset: count)
            : .outOfBounds(offset: offset, byteCount: count, sliceByteCount: byteCount)
    }

    @inlinable @inline(__always)
    func isAligned(_ pointer: UnsafeMutableRawPointer, _ size: Int) -> Bool {
        UInt(bitPattern: pointer) & UInt(bitPattern: size &- 1) == 0
    }

    @inlinable @inline(__always)
    func mark(_ offset: UInt64, _ count: UInt64) { dirty?.mark(dirtyOffset &+ offset, count) }
}
