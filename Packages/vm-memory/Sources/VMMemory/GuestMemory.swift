// SPDX-License-Identifier: Apache-2.0
internal import CVMMemory
public import Synchronization

/// The memory of one guest: regions at ascending addresses, with checked access to the bytes in them.
///
/// One object is shared by everyone who reaches into the guest: devices, vCPU threads, loaders. Any thread may call any
/// method at any time. The guest, too, reads and writes at any time: what was read once may differ when it is read again,
/// so read a value once, check it, and use what was checked.
///
/// Regions can be added while others access memory; they never go. So addresses that a `VolatileSlice` or an `IOVecs`
/// holds stay valid as long as this object lives.
public final class GuestMemory: @unchecked Sendable {
    // The largest of the regions that the memory was made with, spread out in constants: an access to it loads no
    // table. `let` properties are never checked for exclusivity, and the compiler keeps them in registers in a loop.
    @usableFromInline let primaryStart: UInt64
    /// The length up to which an aligned access of up to 8 bytes needs no other check.
    @usableFromInline let primaryWords: UInt64
    /// The same for stores: zero if the region is read-only or tracks writes, which the slow path sees to.
    @usableFromInline let primaryStoreWords: UInt64
    /// Host address minus guest address, modulo 2^64.
    @usableFromInline let primaryDelta: UInt

    /// The current table. Readers load it once an access; `add` publishes a new one.
    @usableFromInline let published: Atomic<UnsafeMutablePointer<RegionTable>>
    private let writer: Mutex<Writer>

    /// What only changes under the lock.
    private struct Writer: @unchecked Sendable {
        var regions: [MemoryRegion]
        /// Every table that was ever published: a reader may still be in an old one.
        var tables: [UnsafeMutablePointer<RegionTable>]
    }

    /// Takes regions in ascending order of address that do not overlap; they may adjoin and leave holes.
    public init(regions: consuming [MemoryRegion]) throws(GuestMemoryError) {
        let regions = regions
        guard var primary = regions.first else { throw .noRegions }
        for (region, next) in zip(regions, regions.dropFirst()) {
            if next.range.overlaps(region.range) { throw .overlappingRegions(region.range, next.range) }
            guard region.range.start < next.range.start else { throw .unsortedRegions(next.range.start) }
            if next.range.byteCount > primary.range.byteCount { primary = next }
        }
        // Regions start at multiples of 8, so an aligned access that starts in a whole word of them lies in it.
        let words = primary.range.byteCount & ~7
        primaryStart = primary.range.start.rawValue
        primaryWords = words
        primaryStoreWords = primary.isReadOnly || primary.dirtyBitmap != nil ? 0 : words
        primaryDelta = UInt(bitPattern: primary.hostAddress) &- UInt(primary.range.start.rawValue)
        let table = RegionTable.make(regions)
        published = Atomic(table)
        writer = Mutex(Writer(regions: regions, tables: [table]))
    }

    deinit {
        writer.withLock { writer in
            for table in writer.tables { RegionTable.free(table) }
        }
    }

    /// Maps zeroed memory at ranges in ascending order.
    public static func anonymous(_ ranges: [GuestRange], options: MappingOptions = .init()) throws(GuestMemoryError)
        -> GuestMemory
    {
        var regions: [MemoryRegion] = []
        for range in ranges { regions.append(try MemoryRegion.anonymous(range, options: options)) }
        return try GuestMemory(regions: regions)
    }

    /// The regions in ascending order, as they are now. Holding one keeps it mapped.
    public var regions: [MemoryRegion] { writer.withLock { $0.regions } }

    /// The address behind the highest byte.
    public var end: GuestAddress { regions.last?.range.end ?? GuestAddress(0) }

    /// The bytes of all regions together.
    public var byteCount: UInt64 {
        // Disjoint ranges within 2^64.
        regions.reduce(0) { $0 &+ $1.range.byteCount }
    }

    /// Adds a region, wherever it sorts. Everyone who holds this memory sees it when the call returns, and may before.
    public func add(_ region: consuming MemoryRegion) throws(GuestMemoryError) {
        let region = region
        let conflict: MemoryRegion? = writer.withLock { writer in
            if let other = writer.regions.first(where: { $0.range.overlaps(region.range) }) { return other }
            let index = writer.regions.firstIndex { $0.range.start > region.range.start } ?? writer.regions.count
            writer.regions.insert(region, at: index)
            let table = RegionTable.make(writer.regions)
            writer.tables.append(table)
            published.store(table, ordering: .releasing)
            return nil
        }
        if let conflict { throw .overlappingRegions(conflict.range, region.range) }
    }

    /// Another memory with one more region; this one stays as it is. Both share the regions.
    public func adding(_ region: MemoryRegion) throws(GuestMemoryError) -> GuestMemory {
        let copy = try GuestMemory(regions: regions)
        try copy.add(region)
        return copy
    }

    /// Another memory without the region of exactly that range; this one stays as it is, and keeps the region mapped
    /// as long as it lives.
    public func removing(_ range: GuestRange) throws(GuestMemoryError) -> GuestMemory {
        let all = regions
        let left = all.filter { $0.range != range }
        guard left.count < all.count else { throw .noSuchRegion(range) }
        return try GuestMemory(regions: left)
    }

    /// The region that contains the address.
    public func region(containing address: GuestAddress) -> MemoryRegion? {
        regions.first { $0.range.contains(address) }
    }

    /// Whether every byte of the range is mapped, in one or several adjacent regions; true of an empty range.
    public func contains(_ range: GuestRange) -> Bool {
        var done: UInt64 = 0
        while done < range.byteCount {
            guard let piece = piece(at: range.start.rawValue &+ done, atMost: range.byteCount &- done) else {
                return false
            }
            done &+= piece.byteCount
        }
        return true
    }

    /// Whether `byteCount` bytes from `address` are mapped; false, not a trap, where they would wrap around.
    public func contains(_ address: GuestAddress, byteCount: UInt64) -> Bool {
        guard byteCount > 0 else { return true }
        guard let range = GuestRange(start: address, byteCount: byteCount) else { return false }
        return contains(range)
    }

    /// Marks mapped bytes as written, for writes that went past this object: `readv` into an `IOVecs`, a device process,
    /// the kernel. What is not mapped or not tracked is ignored.
    public func markDirty(_ range: GuestRange) {
        var done: UInt64 = 0
        while done < range.byteCount {
            guard let piece = piece(at: range.start.rawValue &+ done, atMost: range.byteCount &- done) else { return }
            piece.entry.pointee.mark(offset: piece.offset, byteCount: piece.byteCount)
            done &+= piece.byteCount
        }
    }
}

/// The part of an access that lies in one region.
@usableFromInline
struct Piece {
    let entry: UnsafePointer<RegionEntry>
    /// From the start of the region.
    let offset: UInt64
    /// At least 1.
    let byteCount: UInt64

    var host: UnsafeMutableRawPointer { entry.pointee.host + Int(truncatingIfNeeded: offset) }
    /// Not more than an `Int`, as the region is mapped.
    var length: Int { Int(truncatingIfNeeded: byteCount) }
}

extension GuestMemory {
    /// The entry of the region that contains the address.
    @usableFromInline
    func entry(_ address: UInt64) -> UnsafePointer<RegionEntry>? {
        // A plain load on x86-64, a load-acquire on arm64.
        published.load(ordering: .acquiring).pointee.find(address)
    }

    /// The first part of `atMost` bytes, or nil if the address is not mapped.
    func piece(at address: UInt64, atMost: UInt64) -> Piece? {
        guard let entry = entry(address) else { return nil }
        let offset = address &- entry.pointee.start
        return Piece(entry: entry, offset: offset, byteCount: min(atMost, entry.pointee.byteCount &- offset))
    }

    /// The region entry, offset and host address of an access that lies whole in one region.
    @usableFromInline
    func locate(_ address: UInt64, _ byteCount: UInt64) -> (entry: UnsafePointer<RegionEntry>, offset: UInt64)? {
        guard let entry = entry(address) else { return nil }
        let offset = address &- entry.pointee.start
        guard byteCount <= entry.pointee.byteCount &- offset else { return nil }
        return (entry, offset)
    }
}
