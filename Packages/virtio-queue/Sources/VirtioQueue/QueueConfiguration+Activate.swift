// SPDX-License-Identifier: Apache-2.0
public import VMMemory

extension QueueConfiguration {
    /// Checks the configuration as a whole and makes the queue that it describes, at its beginning.
    ///
    /// The queue keeps its own copy: what a driver does to the registers afterwards has no effect on it.
    /// - Throws: the first rule that is broken. Guest memory is untouched.
    public func activate(memory: GuestMemory, features: VirtioFeatures) throws(QueueConfigurationError) -> Queue {
        guard isReady else { throw .notReady }
        let format = RingFormat(features)
        // 2.7 and 2.8: at most 32768; a power of two unless the ring is packed.
        func isSize(_ size: UInt16) -> Bool {
            size > 0 && size <= 32768 && (format == .packed || size.nonzeroBitCount == 1)
        }
        guard isSize(maximumSize) else { throw .maximumSize(maximumSize) }
        guard isSize(size), size <= maximumSize else { throw .size(size, maximum: maximumSize) }
        let descriptors = try locate(.descriptorTable, of: format, in: memory, isWritten: format == .packed)
        let available = try locate(.availableRing, of: format, in: memory, isWritten: false)
        let used = try locate(.usedRing, of: format, in: memory, isWritten: true)
        return Queue(
            configuration: self, memory: memory, features: features, descriptors: descriptors.host,
            available: available.host, used: used.host,
            usedRegion: used.region,
            isTracked: used.region.dirtyBitmap != nil
                || format == .packed && descriptors.region.dirtyBitmap != nil)
    }

    /// Finds one part in host memory. It must lie in one region: so no part of it is in a gap between regions, and all
    /// of it can be reached through one pointer from then on.
    private func locate(
        _ area: QueueArea, of format: RingFormat, in memory: GuestMemory, isWritten: Bool
    ) throws(QueueConfigurationError) -> (host: UnsafeMutableRawPointer, region: MemoryRegion) {
        let address = self[area]
        let alignment = area.alignment(in: format)
        guard address.rawValue % alignment == 0 else { throw .misaligned(area, address) }
        let byteCount = area.byteCount(queueSize: size, format: format)
        guard let range = GuestRange(start: address, byteCount: byteCount),
            let region = memory.region(containing: address),
            region.range.contains(range), let offset = address.offset(from: region.range.start),
            let hostOffset = Int(exactly: offset), !(isWritten && region.isReadOnly)
        else { throw .unmapped(area, address, byteCount: byteCount) }
        let host = region.hostAddress + hostOffset
        // Regions start at multiples of 8 only, so a table's host address may be aligned less than the guest's. Its
        // entries are read in halves, for which 8 is enough.
        guard UInt(bitPattern: host) % UInt(min(alignment, 8)) == 0 else { throw .misaligned(area, address) }
        return (host, region)
    }
}
