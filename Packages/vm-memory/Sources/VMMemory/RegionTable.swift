// SPDX-License-Identifier: Apache-2.0

/// What an access needs to know about a region, as plain values: copying one counts no reference.
@frozen @usableFromInline
struct RegionEntry {
    /// The first guest address.
    @usableFromInline let start: UInt64
    @usableFromInline let byteCount: UInt64
    /// Where `start` is mapped here.
    @usableFromInline let host: UnsafeMutableRawPointer
    @usableFromInline let isReadOnly: Bool
    @usableFromInline let dirty: DirtyView?

    init(_ region: MemoryRegion) {
        start = region.range.start.rawValue
        byteCount = region.range.byteCount
        host = region.hostAddress
        isReadOnly = region.isReadOnly
        dirty = region.dirtyBitmap?.view
    }

    /// Marks bytes of the region as written.
    @inlinable @inline(__always)
    func mark(offset: UInt64, byteCount: UInt64) { dirty?.mark(offset, byteCount) }
}

/// All regions in ascending order, never changed once published.
@usableFromInline
struct RegionTable {
    let entries: UnsafeMutablePointer<RegionEntry>
    let count: Int

    /// The entry that contains the address, by bisection.
    func find(_ address: UInt64) -> UnsafePointer<RegionEntry>? {
        var low = 0
        var high = count
        while low < high {
            let middle = (low &+ high) >> 1
            let entry = entries + middle
            if address < entry.pointee.start {
                high = middle
            } else if address &- entry.pointee.start < entry.pointee.byteCount {
                return UnsafePointer(entry)
            } else {
                low = middle &+ 1
            }
        }
        return nil
    }

    /// Makes a table of the regions, which are sorted and do not overlap.
    static func make(_ regions: [MemoryRegion]) -> UnsafeMutablePointer<RegionTable> {
        let entries = UnsafeMutablePointer<RegionEntry>.allocate(capacity: max(1, regions.count))
        for (index, region) in regions.enumerated() { (entries + index).initialize(to: RegionEntry(region)) }
        let table = UnsafeMutablePointer<RegionTable>.allocate(capacity: 1)
        table.initialize(to: RegionTable(entries: entries, count: regions.count))
        return table
    }

    static func free(_ table: UnsafeMutablePointer<RegionTable>) {
        table.pointee.entries.deallocate()
        table.deallocate()
    }
}
