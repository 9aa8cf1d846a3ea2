// SPDX-License-Identifier: Apache-2.0
internal import VMMemory

/// One region of guest memory, as much as a translation needs. Regions are never unmapped while their `GuestMemory`
/// lives.
@usableFromInline
struct RegionWindow {
    @usableFromInline let start: UInt64
    @usableFromInline let byteCount: UInt64
    @usableFromInline let host: UnsafeMutableRawPointer
    let isReadOnly: Bool
    let isTracked: Bool
    /// Whether a buffer to write needs nothing but its address.
    let isPlain: Bool

    init(_ region: MemoryRegion) {
        start = region.range.start.rawValue
        byteCount = region.range.byteCount
        host = region.hostAddress
        isReadOnly = region.isReadOnly
        isTracked = region.dirtyBitmap != nil
        isPlain = !region.isReadOnly && region.dirtyBitmap == nil
    }
}

extension Queue {
    /// Moves the window to the region of an address. The two regions found last are tried first: most guests have no
    /// more, one below the gap under 4 GiB and one above.
    /// - Returns: the offset of the address in the window, or nil if it is in no region.
    @inline(__always)
    func moveWindow(to address: UInt64) -> UInt64? {
        if address &- window.start >= window.byteCount {
            guard changeWindow(to: address) else { return nil }
        }
        return address &- window.start
    }

    @inline(never)
    private func changeWindow(to address: UInt64) -> Bool {
        swap(&window, &secondWindow)
        if address &- window.start < window.byteCount { return true }
        guard let region = memory.region(containing: GuestAddress(address)) else { return false }
        window = RegionWindow(region)
        return true
    }

    /// A range for reading in host memory, or nil if it is not in one region.
    func window(at address: UInt64, byteCount: UInt64) -> UnsafeMutableRawPointer? {
        guard let offset = moveWindow(to: address), byteCount <= window.byteCount &- offset else { return nil }
        // Below the region's length, which fits an Int as it is mapped.
        return window.host + Int(truncatingIfNeeded: offset)
    }
}
