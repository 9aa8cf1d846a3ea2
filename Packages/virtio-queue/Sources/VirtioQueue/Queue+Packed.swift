// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
internal import VMMemory

/// The packed ring (virtio 1.2, 2.8). The calls of `Queue` come here where a split ring has nothing left to do, so that
/// a split ring does not pay for it: the indices of a split ring stay equal while the ring is packed.
extension Queue {
    @usableFromInline @inline(never)
    func popPacked() throws(QueueError) -> TakenChain? {
        if let chain = packed.takeOne() { return chain }
        return try popSlots()
    }

    /// Apart, so that a chain of one slot has no more to save and restore than it needs.
    @inline(never)
    private func popSlots() throws(QueueError) -> TakenChain? {
        do throws(QueueError) {
            if let extent = try packed.extent() { return packed.take(to: extent.last, count: extent.count) }
        } catch { throw failure ?? fail(error) }
        if let failure { throw failure }
        return nil
    }

    /// All calls of `stage` come here that are not for an ordinary split ring.
    @usableFromInline @inline(never)
    func stagePacked(_ head: ChainHead, written: UInt32) {
        if head.isOrdered { return stageInOrder(head, written: written, isComplete: false) }
        packed.stage(head, written: written)
    }

    @usableFromInline @inline(never)
    func publishPacked() {
        let count = packed.publish()
        if count != 0 { didPublish(count) }
    }

    /// Whether the event of the driver is among the last `count` slots used (2.8.10). Reserved values, and events
    /// outside of the ring, count as a wish for every interrupt.
    func driverWantsPackedSignal(forLast count: UInt32) -> Bool {
        let word = RingAccess.load32(available)
        let flags = UInt16(truncatingIfNeeded: word >> 16) & 3
        if flags == PackedLayout.disable { return false }
        let event = RingPosition(rawValue: UInt16(truncatingIfNeeded: word))
        guard flags == PackedLayout.descriptor, hasEventIndex, event.slot < size else { return true }
        let distance = event.distance(to: packed.publishedUsed.position, size: size)
        // At distance 0 it is the next one, or was a whole circle ago.
        return (distance == 0 ? 2 &* UInt32(size) : distance) <= count
    }

    func disablePackedNotifications() {
        RingAccess.store16(PackedLayout.disable, used + PackedLayout.eventFlags)
        if isTracked { markUsedRing() }
    }

    func enablePackedNotifications() -> Bool {
        let next = packed.nextAvailable
        if hasEventIndex {
            // One store for both fields, so that the driver never sees the new flags beside an old position.
            RingAccess.store32(UInt32(PackedLayout.descriptor) << 16 | UInt32(next.position.rawValue), used)
        } else {
            RingAccess.store16(PackedLayout.enable, used + PackedLayout.eventFlags)
        }
        if isTracked { markUsedRing() }
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard failure == nil else { return false }
        let flags = RingAccess.loadAcquire16(packed.descriptor(next) + PackedLayout.flags)
        return next.isOffered(flags)
    }

    /// Marks the last `count` slots published; all, if they go over the end.
    func markPacked(_ count: UInt32) {
        let stride = UInt64(PackedLayout.descriptorStride)
        let end = UInt32(packed.publishedUsed.slot)
        let isWhole = count > end
        let slots = UInt64(isWhole ? UInt32(size) : count)
        let start = isWhole ? 0 : stride &* UInt64(end &- count)
        let ring = GuestAddress(configuration.descriptorTable.rawValue &+ start)
        if let range = GuestRange(start: ring, byteCount: stride &* slots) { memory.markDirty(range) }
    }
}
