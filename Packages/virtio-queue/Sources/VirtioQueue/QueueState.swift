// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// What must be saved of an active queue besides the guest's memory: plain numbers, for any encoding.
public struct QueueState: Equatable, Sendable {
    /// How the driver set it up.
    public var configuration: QueueConfiguration
    /// How the queue lies in memory; what the features of the restored device must say too.
    public var format: RingFormat
    /// The next entry of the available ring to take. In a packed ring a `RingPosition`: the slot, and the wrap counter
    /// in bit 15.
    public var nextAvailable: UInt16
    /// The next entry of the used ring to fill. In a packed ring a `RingPosition`.
    public var nextUsed: UInt16
    /// Chains taken and not returned. A device that finishes its I/O before it saves has none; one that does not must
    /// save their heads and get them back with `Queue.head(inFlight:slotCount:)`.
    public var inFlight: UInt16
    /// With VIRTIO_F_IN_ORDER, all of those in flight, in the order in which they were taken; else empty.
    public var order: [OrderedChain]
    /// Used entries, in a packed ring slots, published since the driver was last considered for an interrupt.
    public var unsignalled: UInt32
    /// Whether the driver had broken the ring; it is so again after the restore.
    public var isBroken: Bool

    /// Gathers saved numbers. `restore` checks them.
    public init(
        configuration: QueueConfiguration, format: RingFormat = .split, nextAvailable: UInt16, nextUsed: UInt16,
        inFlight: UInt16 = 0, order: [OrderedChain] = [], unsignalled: UInt32 = 0, isBroken: Bool = false
    ) {
        self.configuration = configuration
        self.format = format
        self.nextAvailable = nextAvailable
        self.nextUsed = nextUsed
        self.inFlight = inFlight
        self.order = order
        self.unsignalled = unsignalled
        self.isBroken = isBroken
    }

    /// Makes the queue again that was saved.
    ///
    /// Guest memory is not consulted: what the driver has in its rings is its own affair, before a save and after it,
    /// and `pop` checks it.
    /// - Throws: what is wrong with the configuration, or `.state` if the numbers contradict each other.
    public func restore(memory: GuestMemory, features: VirtioFeatures) throws(QueueConfigurationError) -> Queue {
        guard format == RingFormat(features) else { throw .state(.format(format)) }
        let queue = try configuration.activate(memory: memory, features: features)
        guard inFlight <= queue.size else { throw .state(.inFlight(inFlight, size: queue.size)) }
        switch format {
        case .split: try place(queue)
        case .packed: try placePacked(queue)
        }
        try placeOrder(queue)
        queue.unsignalled = unsignalled
        if isBroken { _ = queue.fail(.savedBroken) }
        return queue
    }

    private func placeOrder(_ queue: Queue) throws(QueueConfigurationError) {
        // Of a split ring every chain has one entry, of a packed one together as many slots as are in flight.
        let slots = order.reduce(0 as UInt32) { $0 &+ UInt32($1.slotCount) }
        let unreturned = format == .packed ? queue.packed.takenSlots : UInt32(inFlight)
        guard order.count == (queue.isInOrder ? Int(inFlight) : 0), order.isEmpty || slots == unreturned,
            order.allSatisfy({ $0.slotCount > 0 && (format == .packed || $0.index < queue.size && $0.slotCount == 1) }),
            // What the first waits for would be nothing.
            order.first?.written == nil
        else { throw .state(.order(order.count, inFlight: inFlight)) }
        for chain in order {
            let head =
                format == .packed
                ? ChainHead(index: chain.index, slotCount: chain.slotCount) : ChainHead(index: chain.index)
            queue.order?.append(head.ordered, written: chain.written, isComplete: chain.isComplete)
        }
    }

    private func place(_ queue: Queue) throws(QueueConfigurationError) {
        guard nextAvailable &- nextUsed == inFlight else {
            throw .state(.indices(nextAvailable: nextAvailable, nextUsed: nextUsed, inFlight: inFlight))
        }
        queue.split.nextUsed = UInt32(nextUsed)
        queue.split.publishedUsed = UInt32(nextUsed)
        queue.split.nextAvailable = UInt32(nextUsed) &+ UInt32(inFlight)
        queue.split.stop()
    }

    private func placePacked(_ queue: Queue) throws(QueueConfigurationError) {
        let available = RingPosition(rawValue: nextAvailable)
        let used = RingPosition(rawValue: nextUsed)
        for position in [available, used] where position.slot >= queue.size {
            throw .state(.position(position, size: queue.size))
        }
        // Each chain in flight has at least one slot, and all together at most those of the ring.
        let slots = used.distance(to: available, size: queue.size)
        guard slots <= UInt32(queue.size), UInt32(inFlight) <= slots, (inFlight == 0) == (slots == 0) else {
            throw .state(.indices(nextAvailable: nextAvailable, nextUsed: nextUsed, inFlight: inFlight))
        }
        queue.packed.nextAvailable = PackedPosition(available)
        queue.packed.nextUsed = PackedPosition(used)
        queue.packed.publishedUsed = PackedPosition(used)
        queue.packed.takenSlots = slots
        queue.packed.chainCount = UInt32(inFlight)
    }
}

extension QueueState {
    /// A chain in flight of a queue with VIRTIO_F_IN_ORDER.
    public struct OrderedChain: Equatable, Sendable {
        /// As its head has it.
        public var index: UInt16
        /// As its head has it.
        public var slotCount: UInt16
        /// Of one that the device has returned and that waits for another, how many bytes were written.
        public var written: UInt32?
        /// Whether those are all for which it has room.
        public var isComplete: Bool

        /// One that the device has, or one that waits.
        public init(index: UInt16, slotCount: UInt16 = 1, written: UInt32? = nil, isComplete: Bool = false) {
            self.index = index
            self.slotCount = slotCount
            self.written = written
            self.isComplete = isComplete
        }
    }
}

/// Why a saved state cannot be of a queue.
public enum QueueStateError: Error, Equatable, Sendable {
    /// More chains in flight than descriptors.
    case inFlight(UInt16, size: UInt16)
    /// The features that were accepted say another format than the saved one.
    case format(RingFormat)
    /// A slot that is not in the packed ring.
    case position(RingPosition, size: UInt16)
    /// The chains in flight are not those whose order was saved, or there is an order without VIRTIO_F_IN_ORDER.
    case order(Int, inFlight: UInt16)
    /// What is in flight is not the difference of the two indices; in a packed ring, cannot be in so many slots.
    case indices(nextAvailable: UInt16, nextUsed: UInt16, inFlight: UInt16)
}

extension QueueStateError: CustomStringConvertible {
    /// One line.
    public var description: String {
        switch self {
        case .inFlight(let count, let size): "\(count) chains in flight in a queue of \(size)"
        case .format(let format): "a \(format) ring, which is not what was negotiated"
        case .order(let listed, let count): "\(count) chains in flight, and the order of \(listed)"
        case .position(let position, let size): "slot \(position.slot) in a ring of \(size)"
        case .indices(let available, let used, let count):
            "next available \(available) and next used \(used) do not differ by \(count) in flight"
        }
    }
}

extension Queue {
    /// What to save. Staged entries are published first.
    public func save() -> QueueState {
        publish()
        return QueueState(
            configuration: configuration, format: format,
            nextAvailable: positions.available, nextUsed: positions.used,
            inFlight: UInt16(truncatingIfNeeded: unreturnedCount),
            order: order.map { order in
                order.all.map {
                    QueueState.OrderedChain(
                        index: $0.head.index, slotCount: $0.head.slotCount, written: $0.isDone ? $0.written : nil,
                        isComplete: $0.isComplete)
                }
            } ?? [],
            unsignalled: unsignalled, isBroken: failure != nil)
    }

    /// Where the device is, as rings and saved states have it.
    private var positions: (available: UInt16, used: UInt16) {
        switch format {
        case .split:
            (UInt16(truncatingIfNeeded: split.nextAvailable), UInt16(truncatingIfNeeded: split.nextUsed))
        case .packed: (packed.nextAvailable.position.rawValue, packed.nextUsed.position.rawValue)
        }
    }

    /// The name of a chain that was in flight when the queue was saved, from what was saved of its head.
    /// - Parameters:
    ///   - index: as the saved head had it.
    ///   - slotCount: as the saved head had it; matters in a packed ring, whose indices may be any.
    /// - Returns: nil if the queue has no such descriptor, or not so many slots in flight.
    public func head(inFlight index: UInt16, slotCount: UInt16 = 1) -> ChainHead? {
        if let order {
            return order.all.first { !$0.isDone && $0.head.index == index && $0.head.slotCount == slotCount }?.head
        }
        return switch format {
        case .split: index < size ? ChainHead(index: index) : nil
        case .packed:
            slotCount > 0 && UInt32(slotCount) <= packed.slotsInFlight
                ? ChainHead(index: index, slotCount: slotCount) : nil
        }
    }
}
