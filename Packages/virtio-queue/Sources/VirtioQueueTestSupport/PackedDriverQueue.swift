// SPDX-License-Identifier: Apache-2.0
public import VMMemory
public import VirtioQueue

/// The driver's side of a packed queue, for tests, as `DriverQueue` is of a split one (virtio 1.2, 2.8.20 to 2.8.23).
/// `PackedDriverQueue+Raw.swift` has what a kernel would never do.
public final class PackedDriverQueue: RingDriver {
    /// One buffer of a chain.
    public typealias Buffer = DriverQueue.Buffer

    /// The memory that the device will be given.
    public let memory: GuestMemory
    /// How a transport would have it from the registers; ready.
    public let configuration: QueueConfiguration
    /// How many descriptors there are.
    public let size: UInt16
    /// What driver and device agreed on.
    public let features: VirtioFeatures
    /// Where `allocate` takes memory from next.
    public var heap: GuestAddress

    /// The slot of the next descriptor to offer. Slots count from the start of the first round and never wrap.
    public private(set) var nextAvailable: UInt64
    /// The slot of the next used descriptor to expect.
    public private(set) var nextUsed: UInt64
    /// The first descriptor that `publish` has not shown yet; nobody looks at those behind it.
    private var hidden: (slot: UInt64, flags: UInt16)?
    private var freeIDs: [UInt16]
    private var slotCounts: [UInt16: UInt16] = [:]
    private var freeSlots: Int
    /// With VIRTIO_F_IN_ORDER.
    private var order: OfferedOrder<Used>?

    /// Lays a queue out, with everything in it zero.
    /// - Parameters:
    ///   - memory: must hold the queue and what is allocated behind it.
    ///   - size: 1 to 32768.
    ///   - base: a multiple of 16, other than 0.
    ///   - features: what was negotiated.
    ///   - firstSlot: where both sides begin; other than 0 only for a restored device queue.
    public init(
        memory: GuestMemory, size: UInt16, at base: GuestAddress = GuestAddress(0x1000),
        features: VirtioFeatures = [.version1, .indirectDescriptors, .eventIndex, .packedRing], firstSlot: UInt64 = 0
    ) throws(GuestMemoryError) {
        var configuration = QueueConfiguration(maximumSize: size)
        var next = base.rawValue
        for area in QueueArea.allCases {
            let alignment = area.alignment(in: .packed)
            next = (next &+ alignment &- 1) & ~(alignment &- 1)
            configuration[area] = GuestAddress(next)
            let byteCount = area.byteCount(queueSize: size, format: .packed)
            try memory.fill(0, at: GuestAddress(next), byteCount: byteCount)
            next &+= byteCount
        }
        configuration.isReady = true
        self.memory = memory
        self.configuration = configuration
        self.size = size
        self.features = features
        heap = GuestAddress((next &+ 15) & ~15)
        nextAvailable = firstSlot
        nextUsed = firstSlot
        freeIDs = (0..<size).reversed()
        freeSlots = Int(size)
        order = features.contains(.inOrder) ? OfferedOrder() : nil
        // What the rounds before have left: used descriptors of their wrap counter.
        for slot in 0..<firstSlot where firstSlot - slot <= UInt64(size) {
            try setFlags(slot, isWrapped(slot) ? 0x8080 : 0)
        }
    }

    /// Memory and a queue at its start, for a test that needs no more.
    public convenience init(
        size: UInt16, memoryByteCount: UInt64 = 1 << 20,
        features: VirtioFeatures = [.version1, .indirectDescriptors, .eventIndex, .packedRing], firstSlot: UInt64 = 0
    ) throws(GuestMemoryError) {
        let start = GuestAddress(0x1000)
        guard let range = GuestRange(start: start, byteCount: memoryByteCount) else { throw .unmapped(start) }
        try self.init(
            memory: .anonymous([range]), size: size, at: start, features: features, firstSlot: firstSlot)
    }

    /// Descriptors that are free.
    public var freeCount: Int { freeSlots }

    /// Writes a chain into the ring; `publish` shows it.
    /// - Parameters:
    ///   - buffers: the chain's parts, readable ones first unless a test wants it wrong.
    ///   - isIndirect: all buffers in a table of their own, with one descriptor in the ring.
    /// - Returns: its buffer id, or nil if there are not enough free descriptors, or no buffers.
    public func add(_ buffers: [Buffer], isIndirect: Bool = false) throws(GuestMemoryError) -> UInt16? {
        let count = isIndirect ? 1 : buffers.count
        guard !buffers.isEmpty, count <= freeSlots, let id = freeIDs.popLast() else { return nil }
        var parts: [(buffer: Buffer, flags: UInt16)] = buffers.map { ($0, $0.isWritable ? 2 : 0) }
        if isIndirect {
            let table = allocate(16 * UInt64(buffers.count))
            for (index, part) in parts.enumerated() {
                try setEntry(GuestAddress(table.rawValue + 16 * UInt64(index)), part.buffer, id: 0, flags: part.flags)
            }
            parts = [(Buffer(table, UInt32(16 * buffers.count), isWritable: false), 4)]
        }
        for (position, part) in parts.enumerated() {
            let isLast = position + 1 == parts.count
            let flags = part.flags | offered(nextAvailable) | (isLast ? 0 : 1)
            if hidden == nil {
                // The first of all descriptors that are not shown yet keeps its old flags until `publish`.
                hidden = (nextAvailable, flags)
                try setEntry(slotAddress(nextAvailable), part.buffer, id: id, flags: flagsNow(nextAvailable))
            } else {
                try setEntry(slotAddress(nextAvailable), part.buffer, id: id, flags: flags)
            }
            nextAvailable += 1
        }
        freeSlots -= count
        order?.offer(id, buffers)
        slotCounts[id] = UInt16(count)
        return id
    }

    /// Shows everything added to the device.
    public func publish() throws(GuestMemoryError) {
        guard let first = hidden else { return }
        hidden = nil
        let address = GuestAddress(slotAddress(first.slot).rawValue + 14)
        try memory.atomicStore(first.flags, at: address, ordering: .sequentiallyConsistent)
    }

    /// Adds and publishes one chain.
    @discardableResult
    public func send(_ buffers: [Buffer], isIndirect: Bool = false) throws(GuestMemoryError) -> UInt16? {
        let id = try add(buffers, isIndirect: isIndirect)
        try publish()
        return id
    }

    /// Takes the next chain back that the device has used, and frees its descriptors.
    ///
    /// With VIRTIO_F_IN_ORDER also one that has no descriptor, with all of its room written.
    public func takeUsed() throws(GuestMemoryError) -> Used? {
        let next: Used?
        if order == nil {
            next = try usedDescriptor()
        } else {
            next = try order?.next(usedDescriptor, id: { UInt32($0.id) }) {
                Used(id: $0.id, written: $0.room, hasWritten: $0.room > 0)
            }
        }
        guard var used = next else { return nil }
        let count = slotCounts.removeValue(forKey: used.id)
        used.isKnown = count != nil
        if let count {
            nextUsed += UInt64(count)
            freeSlots += Int(count)
            freeIDs.append(used.id)
        }
        return used
    }

    /// The used descriptor in the next slot.
    private func usedDescriptor() throws(GuestMemoryError) -> Used? {
        let address = slotAddress(nextUsed)
        let flagsAddress = GuestAddress(address.rawValue + 14)
        let flags = try memory.atomicLoad(UInt16.self, at: flagsAddress, ordering: .sequentiallyConsistent)
        let round: UInt16 = isWrapped(nextUsed) ? 0x8080 : 0
        guard nextUsed != nextAvailable, flags & 0x8080 == round else { return nil }
        let id = try memory.load(UInt16.self, at: GuestAddress(address.rawValue + 12))
        let written = try memory.load(UInt32.self, at: GuestAddress(address.rawValue + 8))
        return Used(id: id, written: written, hasWritten: flags & 2 != 0)
    }

    /// As `takeUsed`, in the words of a split ring.
    public func takeBack() throws(GuestMemoryError) -> DriverQueue.Used? {
        try takeUsed().map { DriverQueue.Used(head: UInt32($0.id), written: $0.written) }
    }

    /// A used descriptor.
    public struct Used: Equatable, Sendable {
        /// The buffer id, as the device wrote it.
        public var id: UInt16
        /// The bytes that the device says it wrote.
        public var written: UInt32
        /// The WRITE flag.
        public var hasWritten: Bool
        /// Whether the driver had offered a chain of this id.
        public var isKnown: Bool

        /// A used descriptor, to compare with.
        public init(id: UInt16, written: UInt32, hasWritten: Bool, isKnown: Bool = true) {
            self.id = id
            self.written = written
            self.hasWritten = hasWritten
            self.isKnown = isKnown
        }
    }
}
