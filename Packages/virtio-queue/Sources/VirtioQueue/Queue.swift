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

    /// The descriptor table, or the packed ring.
    @usableFromInline let descriptors: UnsafeRawPointer
    /// The other two parts. Of a packed ring: the event suppression of driver and device (2.8.10).
    let available: UnsafeRawPointer
    let used: UnsafeMutableRawPointer
    @usableFromInline let hasIndirect: Bool
    let hasEventIndex: Bool
    /// Whether the memory of what the device writes of the queue keeps track of it.
    @usableFromInline let isTracked: Bool

    /// One of them is in use.
    @exclusivity(unchecked) @usableFromInline var split: SplitRing
    @exclusivity(unchecked) @usableFromInline var packed: PackedRing
    /// Used entries, in a packed ring slots, published since `shouldSignalDriver` last decided.
    @exclusivity(unchecked) @usableFromInline var unsignalled: UInt32 = 0
    /// With VIRTIO_F_IN_ORDER, what is in flight. A split ring then keeps `knownAvailable` at `nextAvailable`.
    let order: ChainOrder?
    /// Whether it is an ordinary split ring, and whether chains go back in order.
    @usableFromInline let isPlain: Bool
    @usableFromInline let isInOrder: Bool
    /// Why the ring is broken; it stays so.
    @exclusivity(unchecked) @usableFromInline var failure: QueueError?
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
        split = SplitRing(available: available, used: used, size: configuration.size)
        packed = PackedRing(descriptors: descriptors, size: configuration.size)
        window = RegionWindow(usedRegion)
        secondWindow = window
    }

    /// Chains taken by `pop` and not yet given back by `push` or `stage`.
    ///
    /// With VIRTIO_F_IN_ORDER, those that wait for another to go back first are not counted.
    public var inFlight: Int { Int(unreturnedCount) &- (order?.doneCount ?? 0) }

    /// Chains taken and not staged.
    var unreturnedCount: UInt32 { format == .packed ? packed.chainCount : split.inFlightCount }

    /// Takes the next chain, without walking it. In a packed ring it must be walked before another one is returned.
    /// - Returns: nil if the driver offers no more.
    /// - Throws: if the ring is broken, the same error at every call from then on.
    @inlinable @inline(__always)
    public func pop() throws(QueueError) -> DescriptorChain? {
        if split.nextAvailable == split.knownAvailable {
            guard isPlain else {
                guard let chain = isInOrder ? try popInOrder() : try popPacked() else { return nil }
                return DescriptorChain(chain, of: self, isPacked: format == .packed)
            }
            guard try lookForMore() else { return nil }
        }
        return DescriptorChain(try popKnown(), of: self, isPacked: false)
    }

    /// Takes the next entry of a split ring's available ring, which is known to be filled.
    @inlinable @inline(__always)
    func popKnown() throws(QueueError) -> TakenChain {
        do throws(QueueError) { return try split.takeKnown() } catch { throw fail(error) }
    }

    /// Whether there is one, by the driver's index.
    @usableFromInline @inline(never)
    func lookForMore() throws(QueueError) -> Bool {
        if let failure { throw failure }
        do throws(QueueError) { return try split.lookForMore() } catch { throw fail(error) }
    }

    /// Breaks the ring for good: `pop` goes into `lookForMore` each time, which throws, or finds no slot that it may take.
    @usableFromInline @inline(never)
    func fail(_ error: QueueError) -> QueueError {
        failure = error
        split.stop()
        packed.stop()
        return error
    }

    /// Puts the chain taken last back, so that the next `pop` finds it again; for a device that is out of budget.
    ///
    /// Several go back in the reverse order of their `pop`. Chains taken before them may be in flight or returned.
    /// - Parameter head: of all chains in flight, the one that was taken last.
    public func undoPop(_ head: ChainHead) {
        guard unreturnedCount > 0, order?.removeLast(head) != false else { return }
        if format == .packed { return packed.undoTake(head) }
        split.nextAvailable &-= 1
        if isInOrder { split.stop() }
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
        guard split.inFlightCount != 0, !head.isOrdered else { return stagePacked(head, written: written) }
        split.stage(head, written: written)
    }

    /// Shows everything staged to the driver, with one store. What was written to buffers and entries before is visible
    /// to a driver that sees the new index (2.7.8.2).
    @inlinable
    public func publish() {
        let count = split.publish()
        guard count != 0 else { return publishPacked() }
        didPublish(count)
    }

    /// Keeps account of entries, or slots, that the driver sees from now on.
    @inlinable @inline(__always)
    func didPublish(_ count: UInt32) {
        if isTracked { markPublished(count) }
        let total = unsignalled.addingReportingOverflow(count)
        unsignalled = total.overflow ? UInt32.max : total.partialValue
    }

    @usableFromInline @inline(never)
    func markPublished(_ count: UInt32) { format == .packed ? markPacked(count) : markUsedRing() }

    /// Marks the whole ring, or the event word of a packed queue: the bitmap counts pages, and a ring of 256 entries is
    /// within two.
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
