// SPDX-License-Identifier: Apache-2.0

/// A packed ring from the device's side (virtio 1.2, 2.8), and where the device is in it. A value, as `SplitRing`; a queue with
/// a split ring has one and leaves it as it is.
@usableFromInline
struct PackedRing {
    /// The ring, mapped for its whole length and aligned as 2.8 demands.
    @usableFromInline let descriptors: UnsafeRawPointer
    @usableFromInline let size: UInt32

    // All are whole words, as in `SplitRing`.

    /// The slot at which the next chain begins.
    @usableFromInline var nextAvailable = PackedPosition(.start)
    /// The slot of the next used descriptor, and how far the driver sees them.
    @usableFromInline var nextUsed = PackedPosition(.start)
    @usableFromInline var publishedUsed = PackedPosition(.start)
    /// Slots from `publishedUsed` to `nextAvailable`, which the driver must not offer again, and of them those up to
    /// `nextUsed`. Counted rather than computed, for the sake of every chain.
    @usableFromInline var takenSlots: UInt32 = 0
    @usableFromInline var stagedSlots: UInt32 = 0
    /// How many slots may be taken: the size; 0 once the ring is broken.
    @usableFromInline var limit: UInt32
    /// Chains taken and not returned.
    @usableFromInline var chainCount: UInt32 = 0
    /// The flags that will show the first staged descriptor, and all behind it.
    @usableFromInline var firstFlags: UInt32 = 0

    init(descriptors: UnsafeRawPointer, size: UInt16) {
        self.descriptors = descriptors
        self.size = UInt32(size)
        limit = UInt32(size)
    }

    /// Slots of the chains in flight.
    @inlinable @inline(__always)
    var slotsInFlight: UInt32 { takenSlots &- stagedSlots }

    /// A descriptor of the ring. Positions of a queue are always in its ring.
    @inlinable @inline(__always)
    func descriptor(_ position: PackedPosition) -> UnsafeRawPointer {
        descriptors + PackedLayout.descriptorStride &* Int(position.slot)
    }

    /// Takes the next chain.
    /// - Returns: nil if the driver offers no more.
    @inlinable @inline(__always)
    mutating func take() throws(QueueError) -> TakenChain? {
        if let chain = takeOne() { return chain }
        guard let extent = try extent() else { return nil }
        return take(to: extent.last, count: extent.count)
    }

    /// Takes the next chain if it is there and has one slot.
    @inlinable @inline(__always)
    mutating func takeOne() -> TakenChain? {
        // Acquire: what the driver wrote before it offered the descriptor is visible (2.8.6).
        let flags = RingAccess.loadAcquire16(descriptor(nextAvailable) + PackedLayout.flags)
        guard nextAvailable.isOffered(flags), takenSlots < limit, flags & SplitLayout.next == 0 else { return nil }
        return take(to: nextAvailable, count: 1)
    }

    /// Finds the end of the next chain and its number of slots.
    ///
    /// The walk later goes over exactly so many slots, whatever the driver makes of the NEXT flags meanwhile.
    /// - Returns: nil if the driver offers no more.
    @usableFromInline @inline(never)
    func extent() throws(QueueError) -> (last: PackedPosition, count: UInt32)? {
        var last = nextAvailable
        // Acquire: the same, of all of the chain.
        var flags = RingAccess.loadAcquire16(descriptor(last) + PackedLayout.flags)
        guard last.isOffered(flags) else { return nil }
        // Slots that the driver has not got back cannot be offered again.
        guard takenSlots < limit else { throw .tooManyInFlight(size: UInt16(truncatingIfNeeded: size)) }
        var count: UInt32 = 1
        while flags & SplitLayout.next != 0 {
            guard count < limit &- takenSlots else {
                throw .chainWithoutEnd(slot: nextAvailable.slot, size: UInt16(truncatingIfNeeded: size))
            }
            last.advance(by: 1, size: size)
            count &+= 1
            flags = RingAccess.load16(descriptor(last) + PackedLayout.flags)
            guard last.isOffered(flags) else { throw .partialChain(slot: last.slot) }
        }
        return (last, count)
    }

    /// Takes a chain up to its last slot, in which its buffer id is.
    @inlinable @inline(__always)
    mutating func take(to last: PackedPosition, count: UInt32) -> TakenChain {
        let first = nextAvailable.slot
        let id = RingAccess.load16(descriptor(last) + PackedLayout.id)
        nextAvailable = last
        nextAvailable.advance(by: 1, size: size)
        takenSlots &+= count
        chainCount &+= 1
        return TakenChain(
            head: ChainHead(index: id, slotCount: UInt16(truncatingIfNeeded: count)), slot: UInt32(first))
    }

    /// Writes a used descriptor and skips as many slots as the chain has (2.8.6). The driver looks at the first staged
    /// one only, whose flags come last, in `publish`.
    @inlinable @inline(__always)
    mutating func stage(_ head: ChainHead, written: UInt32) { stage(head, written: written, at: nextUsed) }

    /// - Parameter at: the slot that is written: the next, or one staged before, to which this chain is added.
    @inlinable @inline(__always)
    mutating func stage(_ head: ChainHead, written: UInt32, at: PackedPosition) {
        let count = UInt32(head.slotCount)
        // Of a split ring, chainCount is 0.
        guard chainCount > 0, count <= slotsInFlight else { return }
        let entry = UnsafeMutableRawPointer(mutating: descriptor(at))
        RingAccess.store32(written, entry + PackedLayout.length)
        RingAccess.store16(head.index, entry + PackedLayout.id)
        var flags = at.usedFlags
        // 2.8.3: whether anything was written.
        if written > 0 { flags |= SplitLayout.write }
        if at == publishedUsed {
            firstFlags = UInt32(flags)
        } else {
            RingAccess.store16(flags, entry + PackedLayout.flags)
        }
        nextUsed.advance(by: count, size: size)
        stagedSlots &+= count
        chainCount &-= 1
    }

    /// Shows everything staged to the driver, with one store: a driver that sees the flags of the first sees the ids, the
    /// lengths and the descriptors behind (2.8.2).
    /// - Returns: how many slots it had not seen.
    @inlinable @inline(__always)
    mutating func publish() -> UInt32 {
        let count = stagedSlots
        guard count != 0 else { return 0 }
        let entry = UnsafeMutableRawPointer(mutating: descriptor(publishedUsed))
        RingAccess.storeRelease16(UInt16(truncatingIfNeeded: firstFlags), entry + PackedLayout.flags)
        publishedUsed = nextUsed
        takenSlots &-= count
        stagedSlots = 0
        return count
    }

    /// Puts the chain taken last back.
    mutating func undoTake(_ head: ChainHead) {
        let count = UInt32(head.slotCount)
        guard chainCount > 0, count <= slotsInFlight else { return }
        nextAvailable.retreat(by: count, size: size)
        takenSlots &-= count
        chainCount &-= 1
    }

    /// The ring is broken: nothing is taken any more.
    @inlinable @inline(__always)
    mutating func stop() { limit = 0 }
}

/// Where the fields of a packed ring are, in bytes from the start of a descriptor (virtio 1.2, 2.8.13) or of an event
/// suppression structure (2.8.14), and the flags in them. NEXT, WRITE and INDIRECT are those of a split ring.
@usableFromInline
enum PackedLayout {
    @usableFromInline static let descriptorStride = 16
    @usableFromInline static let length = 8
    @usableFromInline static let id = 12
    @usableFromInline static let flags = 14
    @usableFromInline static let eventFlags = 2

    /// VIRTQ_DESC_F_AVAIL, _USED.
    @usableFromInline static let available: UInt16 = 1 << 7
    @usableFromInline static let used: UInt16 = 1 << 15

    /// RING_EVENT_FLAGS_ENABLE, _DISABLE, _DESC.
    @usableFromInline static let enable: UInt16 = 0
    @usableFromInline static let disable: UInt16 = 1
    @usableFromInline static let descriptor: UInt16 = 2
}
