// SPDX-License-Identifier: Apache-2.0
internal import CBaseline
internal import VMMemory
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// Holds the baseline to the rules that ours keeps: both get the same random rings, of which most break one, and must
/// refuse the same, take the same bytes and leave the same in memory. A baseline that checks less is no measure.
struct Agreement {
    private let memory: GuestMemory
    private let configuration: QueueConfiguration
    private let features: VirtioFeatures
    private let table: UInt64
    private let bytes: UnsafeMutableBufferPointer<UInt8>
    private var random = SeededGenerator(seed: 1)
    /// Rings that both took, of how many.
    private var taken = 0
    private var count = 0

    private static let size: UInt16 = 8

    init(_ format: RingFormat, hasIndirect: Bool) throws {
        var features: VirtioFeatures = [.version1]
        if hasIndirect { features.insert(.indirectDescriptors) }
        if format == .packed { features.insert(.packedRing) }
        let driver: any RingDriver =
            format == .packed
            ? try PackedDriverQueue(size: Self.size, memoryByteCount: 8192, features: features)
            : try DriverQueue(size: Self.size, memoryByteCount: 8192, features: features)
        self.features = features
        (memory, configuration) = (driver.memory, driver.configuration)
        table = driver.allocate(16 * UInt64(Self.size + 1)).rawValue
        guard let region = memory.regions.first else { throw Disagreement() }
        bytes = UnsafeMutableBufferPointer(
            start: region.hostAddress.assumingMemoryBound(to: UInt8.self), count: Int(region.range.byteCount))
    }

    /// Both formats, with tables and without.
    static func check() throws {
        for format in [RingFormat.split, .packed] {
            for hasIndirect in [true, false] {
                var agreement = try Agreement(format, hasIndirect: hasIndirect)
                for index in 0..<10000 { try agreement.check(translates: index % 2 == 0) }
                // What both refuse, or both take, says little alone.
                guard agreement.taken > 1000, agreement.count - agreement.taken > 1000 else { throw Disagreement() }
            }
        }
    }

    /// One ring, walked or translated.
    private mutating func check(translates: Bool) throws {
        try offer()
        let before = Array(bytes)
        let queue = try configuration.activate(memory: memory, features: features)
        let ours: Int64
        do throws(QueueError) {
            ours = translates ? try translate(queue, into: ChainBuffers()) : try walk(queue)
        } catch { ours = -1 }
        let after = Array(bytes)
        _ = bytes.update(fromContentsOf: before)
        var baseline = baseline_queue()
        try baseline.begin(configuration, memory: memory, features: features)
        let theirs = baseline_serve(&baseline, translates ? 1 : 0, 0)
        guard ours == theirs, ours < 0 || after == Array(bytes) else { throw Disagreement() }
        count += 1
        if ours >= 0 { taken += 1 }
    }

    private mutating func offer() throws {
        let isPacked = features.contains(.packedRing)
        for slot in 0..<UInt64(Self.size) {
            try put(slot, of: configuration.descriptorTable.rawValue, isPacked: isPacked)
            try put(slot, of: table, isPacked: isPacked)
        }
        guard !isPacked else { return }
        for slot in 0..<UInt64(Self.size) {
            let head = UInt16(below(20) == 0 ? UInt64(Self.size) : below(UInt64(Self.size)))
            try memory.store(head, at: GuestAddress(configuration.availableRing.rawValue + 4 + 2 * slot))
        }
        let offered = UInt16(below(20) == 0 ? UInt64(Self.size) + 1 : 1 + below(3))
        try memory.store(UInt32(offered) << 16, at: configuration.availableRing)
        try memory.fill(0, at: configuration.usedRing, byteCount: 4 + 8 * UInt64(Self.size))
    }

    /// A descriptor: a buffer of a few bytes in the region, at its end or behind, or a table that is right or not.
    private mutating func put(_ slot: UInt64, of base: UInt64, isPacked: Bool) throws {
        let end = 0x1000 + UInt64(bytes.count)
        var address = below(8) == 0 ? end - below(64) + (below(8) == 0 ? 64 : 0) : 0x2000 + 64 * below(32)
        var length = below(12) == 0 ? UInt32.max - UInt32(below(2)) : UInt32(below(32))
        var flags: UInt16 = below(2) == 0 ? 1 : 0
        if slot >= 4, below(4) != 0 { flags |= 2 }
        if below(8) == 0 {
            flags |= 4
            (address, length) = (table, 16 * UInt32(below(UInt64(Self.size) + 2)) + (below(8) == 0 ? 8 : 0))
            if below(8) == 0 { address = end - 32 }
        }
        let entry = base + 16 * slot
        try memory.store(address, at: GuestAddress(entry))
        try memory.store(length, at: GuestAddress(entry + 8))
        let next = UInt16(below(16) == 0 ? UInt64(Self.size) : min(slot + 1, UInt64(Self.size) - 1))
        // Of a packed ring: the buffer id, and whether the slot is offered.
        let offered: UInt16 = below(6) == 0 ? 0x8000 : 0x80
        try memory.store(isPacked ? UInt16(slot) : flags, at: GuestAddress(entry + 12))
        try memory.store(isPacked ? flags | offered : next, at: GuestAddress(entry + 14))
    }

    private mutating func below(_ limit: UInt64) -> UInt64 { random.next() % limit }
}
