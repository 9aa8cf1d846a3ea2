// SPDX-License-Identifier: Apache-2.0

/// What a packed ring should do, in arrays and slots that are counted for ever: as `ReferenceRing` is for a split one.
/// Slot `n` is descriptor `n % size`, in a round whose wrap counter is 1 if `n / size` is even.
public struct ReferencePackedRing {
    /// A chain as the driver made it.
    public struct Chain: Equatable, Sendable {
        /// Its buffer id.
        public var id: UInt16
        /// How many slots it takes.
        public var slotCount: UInt16
        /// Its buffers in order.
        public var buffers: [DriverQueue.Buffer]

        /// A chain.
        public init(id: UInt16, slotCount: UInt16, buffers: [DriverQueue.Buffer]) {
            self.id = id
            self.slotCount = slotCount
            self.buffers = buffers
        }
    }

    /// Which notifications a side wants.
    public enum Event: Equatable, Sendable {
        /// All of them.
        case all
        /// None.
        case none
        /// When the descriptor of this slot comes, or that of the same position two rounds on.
        case at(UInt64)
    }

    /// Added by the driver, not yet shown.
    public private(set) var added: [Chain] = []
    /// Shown, not yet taken by the device.
    public private(set) var offered: [Chain] = []
    /// Taken by the device, in order.
    public private(set) var inFlight: [Chain] = []
    /// With VIRTIO_F_IN_ORDER, those taken and not staged, with the used entries of those that wait for another.
    private var order: [(chain: Chain, used: PackedDriverQueue.Used?)] = []
    /// Staged by the device, not yet shown.
    public private(set) var staged: [PackedDriverQueue.Used] = []
    /// Shown, not yet taken back by the driver.
    public private(set) var used: [PackedDriverQueue.Used] = []

    /// Slots that the device ever took, counted on from the first slot.
    public private(set) var takenSlots: UInt64
    /// Slots of the chains that it ever staged, likewise.
    public private(set) var stagedSlots: UInt64
    /// Slots of the chains that were ever shown used, likewise.
    public private(set) var usedSlots: UInt64
    /// How many were shown used when an interrupt was last decided.
    public private(set) var decidedSlots: UInt64

    /// Which interrupts the driver wants.
    public var driverEvent = Event.all
    /// Which doorbells the device wants.
    public private(set) var deviceEvent = Event.all

    private let circle: UInt64
    private let hasEventIndex: Bool
    private let isInOrder: Bool

    /// An empty ring in which both sides are at a slot.
    public init(size: UInt16, firstSlot: UInt64 = 0, hasEventIndex: Bool, isInOrder: Bool = false) {
        circle = 2 * UInt64(size)
        takenSlots = firstSlot
        stagedSlots = firstSlot
        usedSlots = firstSlot
        decidedSlots = firstSlot
        self.hasEventIndex = hasEventIndex
        self.isInOrder = isInOrder
    }

    /// The driver adds a chain.
    public mutating func add(_ chain: Chain) { added.append(chain) }

    /// The driver shows what it added.
    public mutating func publishAvailable() {
        offered += added
        added = []
    }

    /// The device takes a chain.
    public mutating func pop() -> Chain? {
        guard !offered.isEmpty else { return nil }
        let chain = offered.removeFirst()
        inFlight.append(chain)
        order.append((chain, nil))
        takenSlots += UInt64(chain.slotCount)
        return chain
    }

    /// The device puts the chain taken last back.
    public mutating func undoPop() {
        guard let chain = inFlight.popLast() else { return }
        order.removeLast()
        offered.insert(chain, at: 0)
        takenSlots -= UInt64(chain.slotCount)
    }

    /// The device stages one of the chains in flight.
    public mutating func stage(_ position: Int, written: UInt32) {
        let chain = inFlight.remove(at: position)
        let used = PackedDriverQueue.Used(id: chain.id, written: written, hasWritten: written > 0)
        guard let place = order.firstIndex(where: { $0.chain == chain && $0.used == nil }) else { return }
        order[place].used = used
        // In order: as long as the first is done. Else: this one, wherever it is.
        let ready = isInOrder ? order.prefix { $0.used != nil } : order[place...place]
        staged += ready.compactMap(\.used)
        stagedSlots += ready.reduce(0) { $0 + UInt64($1.chain.slotCount) }
        order.removeSubrange(ready.indices)
    }

    /// The device shows what it staged.
    public mutating func publishUsed() {
        used += staged
        usedSlots = stagedSlots
        staged = []
    }

    /// The driver takes a chain back.
    public mutating func takeUsed() -> PackedDriverQueue.Used? { used.isEmpty ? nil : used.removeFirst() }

    /// Whether the device must interrupt for what it has shown since it was last asked.
    public mutating func shouldSignalDriver() -> Bool {
        let new = decidedSlots..<usedSlots
        decidedSlots = usedSlots
        return wants(driverEvent, new)
    }

    /// The device wants no doorbell.
    public mutating func disableNotifications() { deviceEvent = .none }

    /// The device wants a doorbell again; whether something is there already.
    public mutating func enableNotifications() -> Bool {
        deviceEvent = hasEventIndex ? .at(takenSlots) : .all
        return !offered.isEmpty
    }

    /// Whether a driver must ring that has shown the chains in so many slots as the last ones.
    public func mustRing(forLast slots: UInt64) -> Bool {
        let end = takenSlots + offered.reduce(0) { $0 + UInt64($1.slotCount) }
        return wants(deviceEvent, end - slots..<end)
    }

    private func wants(_ event: Event, _ slots: Range<UInt64>) -> Bool {
        switch event {
        case .all: !slots.isEmpty
        case .none: false
        case .at(let slot): slots.contains { $0 % circle == slot % circle }
        }
    }
}
