// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// An active queue: chains of buffers come out of it, and go back when they are used.
///
/// `QueueConfiguration.activate` makes it. It belongs to one thread, the device's; the driver works on the other side
/// of the shared memory at the same time. Nothing the driver does there makes a method trap, hang or touch memory
/// outside of the guest's; what breaks the rules comes back as a `QueueError`.
///
/// The ring's parts were found in host memory once, when the queue was made, so no call looks up an address for them.
public final class Queue {
    /// What the driver had set up.
    public let configuration: QueueConfiguration
    /// How many descriptors the queue has; a power of two in a split ring.
    public let size: UInt16
    /// How the queue lies in memory, as was negotiated.
    public let format: RingFormat
    /// The memory in which the queue and its buffers are.
    public let memory: GuestMemory
    /// The features that were accepted.
    public let features: VirtioFeatures
    /// What `recover(from:)` does with a malformed chain.
    @exclusivity(unchecked) public var malformedChainPolicy = MalformedChainPolicy.failDevice

    /// The three parts, each mapped for its whole length and aligned as 2.7 demands. Of a packed ring: the ring, and
    /// the event suppression of driver and device (2.8.10).
    @usableFromInline let descriptors: UnsafeRawPointer
    @usableFromInline let available: UnsafeRawPointer
    @usableFromInline let used: UnsafeMutableRawPointer
    @usableFromInline let mask: UInt16
    @usableFromInline let hasIndirect: Bool
    let hasEventIndex: Bool
    /// Whether the memory of what the device writes of the queue keeps track of it.
    @usableFromInline let isTracked: Bool

    /// The next entry of the available ring to take, and how far it is known to be filled.
    @exclusivity(unchecked) @usableFromInline var nextAvailable: UInt16 = 0
    @exclusivity(unchecked) @usableFromInline var knownAvailable: UInt16 = 0
    /// The next entry of the used ring to fill, and how far the driver sees it.
    @exclusivity(unchecked) @usableFromInline var nextUsed: UInt16 = 0
    @exclusivity(unchecked) @usableFromInline var publishedUsed: UInt16 = 0
    /// The same of a packed ring, whose queue has all of the above at 0.
    @exclusivity(unchecked) var packed: PackedRing
    /// Used entries, in a packed ring slots, published since `shouldSignalDriver` last decided.
    @exclusivity(unchecked) @usableFromInline var unsignalled: UInt32 = 0
    /// With VIRTIO_F_IN_ORDER, what is in flight. A split ring then keeps `knownAvailable` at `nextAvailable`.
    let order: ChainOrder?
    /// Whether it is an ordinary split ring, and whether chains go back in order.
    @usableFromInline let isPlain: Bool
    @usableFromInline let isInOrder: Bool
    /// Why the ring is broken; it stays so.
    @exclusivity(unchecked) var failure: QueueError?
    /// The regions in which buffers were found last.
    @exclusivity(unchecked) @usableFromInline var window: RegionWindow
    @exclusivity(unchecked) var secondWindow: RegionWindow

    init(
        configuration: QueueConfiguration, memory: GuestMemory, features: VirtioFeatures,
        descriptors: UnsafeRawPointer, available: UnsafeRawPointer, used: UnsafeMutableRawPointer,
        usedRegion: MemoryRegion, isTracked: Bool
    ) {
        self.configuration = configuration
        size = configuration.size
        format = RingFormat(features)
        mask = configuration.size &- 1
        self.memory = memory
        self.features = features
        self.descriptors = descriptors
        self.available = available
        self.used = used
        hasIndirect = features.contains(.indirectDescriptors)
        hasEventIndex = features.contains(.eventIndex)
        self.isTracked = isTracked
        isInOrder = features.contains(.inOrder)
        isPlain = format == .split && !isInOrder
        order = isInOrder ? ChainOrder(size: configuration.size) : nil
        packed = PackedRing(limit: UInt32(configuration.size))
        window = RegionWindow(usedRegion)
        secondWindow = window
    }

    /// Chains taken by `pop` and not yet given back by `push` or `stage`.
    ///
    /// With VIRTIO_F_IN_ORDER, those that wait for another to go back first are not counted.
    public var inFlight: Int { Int(unreturnedCount) &- (order?.doneCount ?? 0) }

    /// Chains taken and not staged.
    var unreturnedCount: UInt16 { format == .packed ? packed.chainCount : inFlightCount }

    /// Those of a split ring. At most `size`: `pop` sees to it from above, `stage` and `undoPop` from below.
    @inlinable @inline(__always)
    var inFlightCount: UInt16 { nextAvailable &- nextUsed }

    /// Takes the next chain, without walking it. In a packed ring it must be walked before another one is returned.
    /// - Returns: nil if the driver offers no more.
    /// - Throws: if the ring is broken, the same error at every call from then on.
    @inlinable @inline(__always)
    public func pop() throws(QueueError) -> DescriptorChain? {
        if nextAvailable == knownAvailable {
            guard isPlain else {
                let chain = isInOrder ? try popInOrder() : try popPacked()
                return chain.map {
                    DescriptorChain($0.head, at: UInt32($0.slot), of: self, isPacked: format == .packed)
                }
            }
            guard try lookForMore() else { return nil }
        }
        return try popSplit()
    }

    /// Takes the next entry of the available ring, which is known to be there.
    @inlinable @inline(__always)
    func popSplit() throws(QueueError) -> DescriptorChain {
        // 2.7.13.1: a chain in flight holds at least one descriptor, so an honest driver cannot offer more.
        guard inFlightCount < size else { throw fail(.tooManyInFlight(size: size)) }
        let head = RingAccess.load16(available + (SplitLayout.ring &+ 2 &* Int(nextAvailable & mask)))
        guard head < size else { throw fail(.headOutOfRange(head: head, size: size)) }
        nextAvailable &+= 1
        return DescriptorChain(ChainHead(index: head), at: UInt32(head), of: self, isPacked: false)
    }

    /// Reads the driver's index; what it wrote before is visible afterwards (2.7.13.3).
    @usableFromInline @inline(never)
    func lookForMore() throws(QueueError) -> Bool {
        if let failure { throw failure }
        let index = RingAccess.loadAcquire16(available + SplitLayout.index)
        // Wraps with the indices, so this holds at 65535 to 0 as well.
        guard index &- nextAvailable <= size else {
            throw fail(.availableIndexRanAhead(available: index, next: nextAvailable, size: size))
        }
        knownAvailable = index
        return index != nextAvailable
    }

    /// Breaks the ring for good: `pop` goes into `lookForMore` each time, which throws, or finds no slot that it may take.
    @usableFromInline @inline(never)
    func fail(_ error: QueueError) -> QueueError {
        failure = error
        knownAvailable = nextAvailable
        packed.limit = 0
        return error
    }

    /// Puts the chain taken last back, so that the next `pop` finds it again; for a device that is out of budget.
    ///
    /// Several go back in the reverse order of their `pop`. Chains taken before them may be in flight or returned.
    /// - Parameter head: of all chains in flight, the one that was taken last.
    public func undoPop(_ head: ChainHead) {
        guard unreturnedCount > 0, order?.removeLast(head) != false else { return }
        if format == .packed { return undoPopPacked(head) }
        nextAvailable &-= 1
        if isInOrder { knownAvailable = nextAvailable }
    }

    /// Returns a chain to the driver.
    /// - Parameters:
    ///   - head: a chain taken from this queue and not yet returned.
    ///   - written: how many bytes, from the start of its writable part, the device has written; all of them, as the
    ///     driver may trust no others (virtio 1.2, 2.7.8.2).
    @inlinable
    public func push(_ head: ChainHead, written: UInt32) {
        stage(head, written: written)
        publish()
    }

    /// Like `push`, but the driver does not see it before `publish()`.
    /// Ignored if no chain is in flight.
    @inlinable @inline(__always)
    public func stage(_ head: ChainHead, written: UInt32) {
        let index = nextUsed
        guard index != nextAvailable, !head.isOrdered else { return stagePacked(head, written: written) }
        writeUsed(head, written: written, at: index)
        nextUsed = index &+ 1
    }

    /// Writes an entry of a split ring's used ring.
    @inlinable @inline(__always)
    func writeUsed(_ head: ChainHead, written: UInt32, at index: UInt16) {
        let entry = used + (SplitLayout.ring &+ SplitLayout.usedStride &* Int(index & mask))
        RingAccess.store32(UInt32(head.index), entry)
        RingAccess.store32(written, entry + 4)
    }

    /// Shows everything staged to the driver, with one store. What was written to buffers and entries before is visible
    /// to a driver that sees the new index (2.7.8.2).
    @inlinable
    public func publish() {
        let count = nextUsed &- publishedUsed
        guard count != 0 else { return publishPacked() }
        RingAccess.storeRelease16(nextUsed, used + SplitLayout.index)
        publishedUsed = nextUsed
        if isTracked { markUsedRing() }
        let total = unsignalled.addingReportingOverflow(UInt32(count))
        unsignalled = total.overflow ? UInt32.max : total.partialValue
    }

    /// Marks the whole ring, or the event word of a packed queue: the bitmap counts pages, and a ring of 256 entries is
    /// within two.
    @usableFromInline
    func markUsedRing() {
        let byteCount = QueueArea.usedRing.byteCount(queueSize: size, format: format)
        if let range = GuestRange(start: configuration.usedRing, byteCount: byteCount) { memory.markDirty(range) }
    }

    /// Decides by `malformedChainPolicy` how to go on after `pop` or a walk threw.
    /// - Returns: true if the chain was pushed with length 0 and the device may go on; false if it must call
    ///   `Interrupt.needsReset(_:)` and stop.
    public func recover(from error: QueueError) -> Bool {
        guard case .chain(let head, _) = error, malformedChainPolicy == .returnHead else {
            if failure == nil { _ = fail(error) }
            return false
        }
        push(head, written: 0)
        return true
    }
}

/// What a device does about a chain that breaks the rules.
public enum MalformedChainPolicy: Sendable {
    /// The device stops until the driver resets it. A correct driver never makes a malformed chain.
    case failDevice
    /// The chain is returned as used with length 0, and the device goes on.
    case returnHead
}
