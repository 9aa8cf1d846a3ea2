// SPDX-License-Identifier: Apache-2.0
public import VMMemory
public import VirtioQueue

/// The driver's side of a split queue, for tests: it lays a queue out in guest memory, offers chains and takes them back
/// as a guest kernel does (virtio 1.2, 2.7.13). `DriverQueue+Raw.swift` has what a kernel would never do.
///
/// Nothing is shared with the device's side but guest memory, so a mistake in one is not mirrored in the other.
public final class DriverQueue: RingDriver {
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

    /// Added chains that `publish` has not shown yet count too.
    var nextAvailable: UInt16
    /// The used index that the driver takes back next.
    public internal(set) var nextUsed: UInt16
    private var free: [UInt16]
    private var taken: [UInt16: [UInt16]] = [:]
    /// With VIRTIO_F_IN_ORDER.
    private var order: OfferedOrder<Used>?

    /// One buffer of a chain.
    public struct Buffer: Equatable, Sendable {
        /// Where it is.
        public var address: GuestAddress
        /// Its length.
        public var byteCount: UInt32
        /// Whether the device writes it.
        public var isWritable: Bool

        /// A buffer at an address.
        public init(_ address: GuestAddress, _ byteCount: UInt32, isWritable: Bool) {
            self.address = address
            self.byteCount = byteCount
            self.isWritable = isWritable
        }
    }

    /// Lays a queue out, with everything in it zero.
    /// - Parameters:
    ///   - memory: must hold the queue and what is allocated behind it.
    ///   - size: a power of two.
    ///   - base: a multiple of 16. Not 0, which is what a device has for an address before a driver sets it.
    ///   - features: what was negotiated.
    ///   - firstIndex: at which index both rings begin; other than 0 only for a restored device queue.
    public init(
        memory: GuestMemory, size: UInt16, at base: GuestAddress = GuestAddress(0x1000),
        features: VirtioFeatures = [.version1, .indirectDescriptors, .eventIndex], firstIndex: UInt16 = 0
    ) throws(GuestMemoryError) {
        var configuration = QueueConfiguration(maximumSize: size)
        var next = base.rawValue
        for area in QueueArea.allCases {
            next = (next &+ area.alignment &- 1) & ~(area.alignment &- 1)
            configuration[area] = GuestAddress(next)
            let byteCount = area.byteCount(queueSize: size)
            try memory.fill(0, at: GuestAddress(next), byteCount: byteCount)
            next &+= byteCount
        }
        configuration.isReady = true
        self.memory = memory
        self.configuration = configuration
        self.size = size
        self.features = features
        heap = GuestAddress((next &+ 15) & ~15)
        nextAvailable = firstIndex
        nextUsed = firstIndex
        free = (0..<size).reversed()
        order = features.contains(.inOrder) ? OfferedOrder() : nil
        try setAvailableIndex(firstIndex)
        try store(firstIndex, .usedRing, 2)
    }

    /// Memory and a queue at its start, for a test that needs no more.
    public convenience init(
        size: UInt16, memoryByteCount: UInt64 = 1 << 20,
        features: VirtioFeatures = [.version1, .indirectDescriptors, .eventIndex], firstIndex: UInt16 = 0
    ) throws(GuestMemoryError) {
        let start = GuestAddress(0x1000)
        guard let range = GuestRange(start: start, byteCount: memoryByteCount) else { throw .unmapped(start) }
        try self.init(
            memory: .anonymous([range]), size: size, at: start, features: features, firstIndex: firstIndex)
    }

    /// Descriptors that are free.
    public var freeCount: Int { free.count }

    /// Puts a chain into the available ring; `publish` shows it.
    /// - Parameters:
    ///   - buffers: the chain's parts, readable ones first unless a test wants it wrong.
    ///   - isIndirect: all buffers in a table of their own, with one descriptor in the queue.
    /// - Returns: its head, or nil if there are not enough free descriptors, or no buffers.
    public func add(_ buffers: [Buffer], isIndirect: Bool = false) throws(GuestMemoryError) -> UInt16? {
        let count = isIndirect ? 1 : buffers.count
        guard !buffers.isEmpty, count <= free.count else { return nil }
        let indices = (0..<count).compactMap { _ in free.popLast() }
        guard let head = indices.first else { return nil }
        if isIndirect {
            let table = allocate(16 * UInt64(buffers.count))
            for (index, buffer) in buffers.enumerated() {
                let isLast = index + 1 == buffers.count
                try setTableEntry(
                    GuestAddress(table.rawValue + 16 * UInt64(index)), buffer, flags: isLast ? 0 : 1,
                    next: UInt16(truncatingIfNeeded: index + 1))
            }
            try setDescriptor(head, table, byteCount: UInt32(16 * buffers.count), flags: 4)
        } else {
            for (position, buffer) in buffers.enumerated() {
                let isLast = position + 1 == buffers.count
                try setDescriptor(
                    indices[position], buffer.address, byteCount: buffer.byteCount,
                    flags: (isLast ? 0 : 1) | (buffer.isWritable ? 2 : 0), next: isLast ? 0 : indices[position + 1])
            }
        }
        taken[head] = indices
        order?.offer(head, buffers)
        try offer(head)
        return head
    }

    /// Puts a head into the next slot of the available ring, whatever it is.
    public func offer(_ head: UInt16) throws(GuestMemoryError) {
        try setAvailableEntry(nextAvailable, head)
        nextAvailable &+= 1
    }

    /// Shows everything added to the device.
    public func publish() throws(GuestMemoryError) { try setAvailableIndex(nextAvailable) }

    /// Adds and publishes one chain.
    @discardableResult
    public func send(_ buffers: [Buffer], isIndirect: Bool = false) throws(GuestMemoryError) -> UInt16? {
        let head = try add(buffers, isIndirect: isIndirect)
        try publish()
        return head
    }

    /// Takes the next chain back that the device has used, and frees its descriptors.
    ///
    /// With VIRTIO_F_IN_ORDER also one that has no entry, with all of its room written.
    public func takeUsed() throws(GuestMemoryError) -> Used? {
        guard try usedIndex() != nextUsed else { return nil }
        var used = try usedEntry(nextUsed)
        let skipped = { (chain: OfferedOrder<Used>.Chain) in Used(head: UInt32(chain.id), written: chain.room) }
        if let next = order?.next({ used }, id: { $0.head }, skipped: skipped) { used = next }
        nextUsed &+= 1
        if let head = UInt16(exactly: used.head), let indices = taken.removeValue(forKey: head) {
            free.append(contentsOf: indices.reversed())
        }
        return used
    }

    /// As `takeUsed`.
    public func takeBack() throws(GuestMemoryError) -> Used? { try takeUsed() }

    /// An entry of the used ring.
    public struct Used: Equatable, Sendable {
        /// The head, as the device wrote it.
        public var head: UInt32
        /// The bytes that the device says it wrote.
        public var written: UInt32

        /// An entry, to compare with.
        public init(head: UInt32, written: UInt32) {
            self.head = head
            self.written = written
        }
    }
}
