// SPDX-License-Identifier: Apache-2.0

/// What a split ring should do, in arrays and counters that never wrap: slow, and plain enough to be seen right.
/// A test does the same steps here and on a real queue, and compares.
public struct ReferenceRing {
    /// A chain as the driver made it.
    public struct Chain: Equatable, Sendable {
        /// The index of its first descriptor.
        public var head: UInt16
        /// Its buffers in order.
        public var buffers: [DriverQueue.Buffer]

        /// A chain.
        public init(head: UInt16, buffers: [DriverQueue.Buffer]) {
            self.head = head
            self.buffers = buffers
        }
    }

    /// Added by the driver, not yet shown.
    public private(set) var added: [Chain] = []
    /// Shown, not yet taken by the device.
    public private(set) var offered: [Chain] = []
    /// Taken by the device, in order.
    public private(set) var inFlight: [Chain] = []
    /// With VIRTIO_F_IN_ORDER, those taken and not staged, with the used entries of those that wait for another.
    private var order: [(chain: Chain, used: DriverQueue.Used?)] = []
    /// Staged by the device, not yet shown.
    public private(set) var staged: [DriverQueue.Used] = []
    /// Shown, not yet taken back by the driver.
    public private(set) var used: [DriverQueue.Used] = []

    /// Chains that the device ever took, counted on from the first index.
    public private(set) var takenCount: UInt64
    /// Chains that were ever shown used, likewise.
    public private(set) var usedCount: UInt64
    /// How many were shown used when an interrupt was last decided.
    public private(set) var decidedCount: UInt64

    /// The used index at whose passing the driver wants an interrupt, with VIRTIO_F_EVENT_IDX.
    public var usedEvent: UInt16 = 0
    /// Whether the driver wants none, by the flag, without it.
    public var wantsNoInterrupts = false
    /// The available index at whose passing the device wants the doorbell, with VIRTIO_F_EVENT_IDX.
    public private(set) var availableEvent: UInt16
    /// Whether the device wants none, by the flag, without it.
    public private(set) var wantsNoDoorbell = false

    private let hasEventIndex: Bool
    private let isInOrder: Bool

    /// An empty ring, both of whose indices begin at `firstIndex`.
    public init(firstIndex: UInt16 = 0, hasEventIndex: Bool, isInOrder: Bool = false) {
        takenCount = UInt64(firstIndex)
        usedCount = UInt64(firstIndex)
        decidedCount = UInt64(firstIndex)
        availableEvent = 0
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
        takenCount += 1
        return chain
    }

    /// The device puts the chain taken last back.
    public mutating func undoPop() {
        guard let chain = inFlight.popLast() else { return }
        order.removeLast()
        offered.insert(chain, at: 0)
        takenCount -= 1
    }

    /// The device stages one of the chains in flight.
    public mutating func stage(_ position: Int, written: UInt32) {
        let chain = inFlight.remove(at: position)
        let used = DriverQueue.Used(head: UInt32(chain.head), written: written)
        guard let place = order.firstIndex(where: { $0.chain == chain && $0.used == nil }) else { return }
        order[place].used = used
        // In order: as long as the first is done. Else: this one, wherever it is.
        let ready = isInOrder ? order.prefix { $0.used != nil } : order[place...place]
        staged += ready.compactMap(\.used)
        order.removeSubrange(ready.indices)
    }

    /// The device shows what it staged.
    public mutating func publishUsed() {
        used += staged
        usedCount += UInt64(staged.count)
        staged = []
    }

    /// The driver takes a chain back.
    public mutating func takeUsed() -> DriverQueue.Used? { used.isEmpty ? nil : used.removeFirst() }

    /// Whether the device must interrupt for what it has shown since it was last asked.
    public mutating func shouldSignalDriver() -> Bool {
        let new = decidedCount..<usedCount
        decidedCount = usedCount
        guard hasEventIndex else { return !new.isEmpty && !wantsNoInterrupts }
        return new.contains { UInt16(truncatingIfNeeded: $0) == usedEvent }
    }

    /// The device wants no doorbell.
    public mutating func disableNotifications() { wantsNoDoorbell = !hasEventIndex }

    /// The device wants a doorbell again; whether something is there already.
    public mutating func enableNotifications() -> Bool {
        wantsNoDoorbell = false
        if hasEventIndex { availableEvent = UInt16(truncatingIfNeeded: takenCount) }
        return !offered.isEmpty
    }

    /// Whether a driver that has shown so many chains as the last ones must ring.
    public func mustRing(forLast count: Int) -> Bool {
        guard hasEventIndex else { return !wantsNoDoorbell }
        let end = takenCount + UInt64(offered.count)
        return (end - UInt64(count)..<end).contains { UInt16(truncatingIfNeeded: $0) == availableEvent }
    }
}
