// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
internal import VMMemory

/// The packed ring (virtio 1.2, 2.8). The calls of `Queue` come here where a split ring has nothing left to do, so that
/// a split ring does not pay for it: the indices of a split ring stay equal while the ring is packed.
extension Queue {
    /// Takes the next chain: finds its end, its number of slots and its buffer id, which is in its last descriptor.
    ///
    /// The walk later goes over exactly so many slots, whatever the driver makes of the NEXT flags meanwhile.
    /// - Returns: the chain's name and first slot; nil if the driver offers no more.
    @usableFromInline @inline(never)
    func popPacked() throws(QueueError) -> TakenChain? {
        let first = packed.nextAvailable
        // Acquire: what the driver wrote before it offered the first descriptor is visible, all of the chain (2.8.6).
        var flags = RingAccess.loadAcquire16(descriptor(first) + PackedLayout.flags)
        // Slots that the driver has not got back cannot be offered again.
        let taken = packed.takenSlots
        let limit = packed.limit
        guard PackedLayout.isAvailable(flags, at: first), taken < limit else {
            if let failure { throw failure }
            guard PackedLayout.isAvailable(flags, at: first) else { return nil }
            throw fail(.tooManyInFlight(size: size))
        }
        var last = first
        var count: UInt32 = 1
        while flags & SplitLayout.next != 0 {
            guard count < limit &- taken else { throw fail(.chainWithoutEnd(slot: first.slot, size: size)) }
            last = last.advanced(by: 1, size: size)
            count &+= 1
            flags = RingAccess.load16(descriptor(last) + PackedLayout.flags)
            guard PackedLayout.isAvailable(flags, at: last) else { throw fail(.partialChain(slot: last.slot)) }
        }
        let id = RingAccess.load16(descriptor(last) + PackedLayout.id)
        packed.nextAvailable = last.advanced(by: 1, size: size)
        packed.takenSlots = taken &+ count
        packed.chainCount &+= 1
        return TakenChain(head: ChainHead(index: id, slotCount: UInt16(truncatingIfNeeded: count)), slot: first.slot)
    }

    func undoPopPacked(_ head: ChainHead) {
        let count = UInt32(head.slotCount)
        guard packed.chainCount > 0, count <= packed.slotsInFlight else { return }
        packed.nextAvailable = packed.nextAvailable.retreated(by: head.slotCount, size: size)
        packed.takenSlots &-= count
        packed.chainCount &-= 1
    }

    /// Writes a used descriptor and skips as many slots as the chain has (2.8.6). The driver looks at the first staged
    /// one only, whose flags come last, in `publishPacked`.
    ///
    /// All calls of `stage` come here that are not for an ordinary split ring.
    @usableFromInline @inline(never)
    func stagePacked(_ head: ChainHead, written: UInt32) {
        if head.isOrdered { return stageInOrder(head, written: written, isComplete: false) }
        stagePacked(head, written: written, at: packed.nextUsed)
    }

    /// - Parameter at: the slot that is written: the next, or one staged before, to which this chain is added.
    @inline(__always)
    func stagePacked(_ head: ChainHead, written: UInt32, at: RingPosition) {
        let count = UInt32(head.slotCount)
        // Of a split ring, chainCount is 0.
        guard packed.chainCount > 0, count <= packed.slotsInFlight else { return }
        let entry = UnsafeMutableRawPointer(mutating: descriptor(at))
        RingAccess.store32(written, entry + PackedLayout.length)
        RingAccess.store16(head.index, entry + PackedLayout.id)
        var flags: UInt16 = at.wrap ? PackedLayout.available | PackedLayout.used : 0
        // 2.8.3: whether anything was written.
        if written > 0 { flags |= SplitLayout.write }
        if at == packed.publishedUsed {
            packed.firstFlags = flags
        } else {
            RingAccess.store16(flags, entry + PackedLayout.flags)
        }
        packed.nextUsed = packed.nextUsed.advanced(by: head.slotCount, size: size)
        packed.stagedSlots &+= count
        packed.chainCount &-= 1
    }

    /// Shows everything staged with one store: a driver that sees these flags sees the ids, the lengths and the
    /// descriptors behind (2.8.2).
    @usableFromInline @inline(never)
    func publishPacked() {
        let count = packed.stagedSlots
        guard count != 0 else { return }
        let from = packed.publishedUsed
        let entry = UnsafeMutableRawPointer(mutating: descriptor(from))
        RingAccess.storeRelease16(packed.firstFlags, entry + PackedLayout.flags)
        packed.publishedUsed = packed.nextUsed
        packed.takenSlots &-= count
        packed.stagedSlots = 0
        if isTracked { markPacked(from: from, count: count) }
        let total = unsignalled.addingReportingOverflow(count)
        unsignalled = total.overflow ? UInt32.max : total.partialValue
    }

    /// Whether the event of the driver is among the last `count` slots used (2.8.10). Reserved values, and events
    /// outside of the ring, count as a wish for every interrupt.
    func driverWantsPackedSignal(forLast count: UInt32) -> Bool {
        let word = RingAccess.load32(available)
        let flags = UInt16(truncatingIfNeeded: word >> 16) & 3
        if flags == PackedLayout.disable { return false }
        let event = RingPosition(rawValue: UInt16(truncatingIfNeeded: word))
        guard flags == PackedLayout.descriptor, hasEventIndex, event.slot < size else { return true }
        let distance = event.distance(to: packed.publishedUsed, size: size)
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
            RingAccess.store32(UInt32(PackedLayout.descriptor) << 16 | UInt32(next.rawValue), used)
        } else {
            RingAccess.store16(PackedLayout.enable, used + PackedLayout.eventFlags)
        }
        if isTracked { markUsedRing() }
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard failure == nil else { return false }
        let flags = RingAccess.loadAcquire16(descriptor(next) + PackedLayout.flags)
        return PackedLayout.isAvailable(flags, at: next)
    }

    /// A descriptor of the ring. Positions of a queue are always in its ring.
    @inline(__always)
    private func descriptor(_ position: RingPosition) -> UnsafeRawPointer {
        descriptors + PackedLayout.descriptorStride &* Int(position.slot)
    }

    /// Marks the slots that may have been written; all, if they go over the end.
    private func markPacked(from: RingPosition, count: UInt32) {
        let stride = UInt64(PackedLayout.descriptorStride)
        let end = UInt32(from.slot) &+ count
        let start = end > UInt32(size) ? 0 : stride &* UInt64(from.slot)
        let byteCount = stride &* UInt64(end > UInt32(size) ? UInt32(size) : count)
        let ring = GuestAddress(configuration.descriptorTable.rawValue &+ start)
        if let range = GuestRange(start: ring, byteCount: byteCount) { memory.markDirty(range) }
    }
}
