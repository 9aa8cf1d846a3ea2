// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// Which guest physical addresses are memory and what for: the source of the e820 table, of PVH's map, and of where
/// kernel and initrd may go.
public struct MemoryMap: Sendable, Equatable {
    /// What a range is for, with the numbers that e820 and PVH share.
    public enum Kind: UInt32, Sendable, Hashable {
        /// Usable memory.
        case ram = 1
        /// Not to be touched: firmware data, MMIO windows.
        case reserved = 2
        /// ACPI tables, usable once read.
        case acpi = 3
        /// ACPI non-volatile storage.
        case acpiNVS = 4
        /// Known to be broken.
        case unusable = 5
        /// Persistent memory.
        case persistent = 7
    }

    /// One line of the map.
    public struct Entry: Sendable, Hashable {
        /// The addresses.
        public let range: GuestRange
        /// Their use.
        public let kind: Kind

        /// A line.
        public init(range: GuestRange, kind: Kind) {
            self.range = range
            self.kind = kind
        }
    }

    /// Lines in ascending order, without overlap.
    public private(set) var entries: [Entry]
    /// The memory to create, in ascending order: RAM with everything that `reserve` took out of it.
    public let ramRanges: [GuestRange]

    /// Lays memory out from `base` upwards and jumps over the gaps.
    ///
    /// - Parameters:
    ///   - ramByteCount: all of the guest's memory, a multiple of 4 KiB.
    ///   - base: where RAM begins, a multiple of 4 KiB.
    ///   - gaps: where no RAM may be, such as the windows of devices.
    public init(
        ramByteCount: UInt64, base: GuestAddress = GuestAddress(0), gaps: [GuestRange] = []
    ) throws(BootPlanError) {
        guard ramByteCount > 0, ramByteCount % 4096 == 0, base.isAligned(to: 4096) else {
            throw .memorySize(ramByteCount)
        }
        var ranges: [GuestRange] = []
        var start = base
        var left = ramByteCount
        for gap in gaps.sorted(by: { $0.start < $1.start }) {
            guard gap.start.isAligned(to: 4096), gap.end.isAligned(to: 4096) else { throw .memoryGap(gap) }
            if let room = gap.start.offset(from: start), room > 0, left > 0 {
                guard let range = GuestRange(start: start, byteCount: min(left, room)) else { throw .memoryGap(gap) }
                ranges.append(range)
                left -= range.byteCount
            }
            start = max(start, gap.end)
        }
        if left > 0 {
            guard let range = GuestRange(start: start, byteCount: left) else { throw .memorySize(ramByteCount) }
            ranges.append(range)
        }
        ramRanges = ranges
        entries = ranges.map { Entry(range: $0, kind: .ram) }
    }

    /// The gap that PCs leave below 4 GiB for devices, the local APIC and the I/O APIC: 3 GiB to 4 GiB.
    public static let pcGap = GuestRange(start: GuestAddress(3 << 30), byteCount: 1 << 30)

    /// A PC: memory below and above the gap, with the top KiB of the first 640 (the EBDA) and everything from there to
    /// 1 MiB (video memory, option ROMs, firmware, where ACPI tables may lie) reserved.
    public static func pc(
        ramByteCount: UInt64, gaps: [GuestRange] = pcGap.map { [$0] } ?? []
    ) throws(BootPlanError) -> MemoryMap {
        guard ramByteCount >= 2 << 20 else { throw .memorySize(ramByteCount) }
        var map = try MemoryMap(ramByteCount: ramByteCount, gaps: gaps)
        if let hole = GuestRange(start: GuestAddress(0x9_fc00), byteCount: 0x6_0400) {
            try map.reserve(hole, as: .reserved)
        }
        return map
    }

    /// Gives a range another use, whether it is memory now or not described at all.
    public mutating func reserve(_ range: GuestRange, as kind: Kind) throws(BootPlanError) {
        guard range.byteCount > 0 else { return }
        var next: [Entry] = []
        for entry in entries {
            guard entry.range.overlaps(range) else {
                next.append(entry)
                continue
            }
            if let part = GuestRange(start: entry.range.start, end: range.start), !part.isEmpty {
                next.append(Entry(range: part, kind: entry.kind))
            }
            if let part = GuestRange(start: range.end, end: entry.range.end), !part.isEmpty {
                next.append(Entry(range: part, kind: entry.kind))
            }
        }
        next.append(Entry(range: range, kind: kind))
        next.sort { $0.range.start < $1.range.start }
        // The zero page has room for 128 (E820_MAX_ENTRIES_ZEROPAGE).
        guard next.count <= Self.largestCount else { throw .tooManyMemoryRanges(next.count, limit: Self.largestCount) }
        entries = next
    }

    static let largestCount = 128

    /// Whether all of a range is usable memory. Adjacent lines count as one.
    public func isRAM(_ range: GuestRange) -> Bool {
        var position = range.start
        for entry in entries where entry.kind == .ram && entry.range.contains(position) {
            if range.end <= entry.range.end { return true }
            position = entry.range.end
        }
        return range.isEmpty
    }

    /// Finds the highest free place.
    ///
    /// - Parameters:
    ///   - byteCount: how much room is wanted.
    ///   - alignment: a power of two.
    ///   - end: the first address that is too high.
    ///   - occupied: ranges to stay clear of.
    /// - Returns: a range that starts at a multiple of `alignment`, or nil.
    public func highestPlace(
        byteCount: UInt64, alignment: UInt64 = 4096, below end: GuestAddress, avoiding occupied: [GuestRange]
    ) -> GuestRange? {
        for entry in entries.reversed() where entry.kind == .ram {
            var top = min(entry.range.end, end)
            // Each turn moves below one occupied range, so there are at most as many turns.
            for _ in 0...occupied.count {
                guard let start = top.subtracting(byteCount)?.alignedDown(to: alignment), start >= entry.range.start,
                    let range = GuestRange(start: start, byteCount: byteCount)
                else { break }
                guard let other = occupied.first(where: { $0.overlaps(range) }) else { return range }
                top = other.start
            }
        }
        return nil
    }
}
