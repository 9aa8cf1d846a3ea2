// SPDX-License-Identifier: Apache-2.0

/// Where the device is in a packed ring. A queue with a split ring has one and leaves it as it is.
struct PackedRing {
    /// The slot at which the next chain begins.
    var nextAvailable = RingPosition.start
    /// The slot of the next used descriptor, and how far the driver sees them.
    var nextUsed = RingPosition.start
    var publishedUsed = RingPosition.start
    /// Slots from `publishedUsed` to `nextAvailable`, which the driver must not offer again, and of them those up to
    /// `nextUsed`. Counted rather than computed, for the sake of every chain.
    var takenSlots: UInt32 = 0
    var stagedSlots: UInt32 = 0
    /// How many slots may be taken: the size; 0 once the ring is broken.
    var limit: UInt32
    /// Chains taken and not returned.
    var chainCount: UInt16 = 0
    /// The flags that will show the first staged descriptor, and all behind it.
    var firstFlags: UInt16 = 0

    /// Slots of the chains in flight.
    var slotsInFlight: UInt32 { takenSlots &- stagedSlots }
}

/// Where the fields of a packed ring are, in bytes from the start of a descriptor (virtio 1.2, 2.8.13) or of an event
/// suppression structure (2.8.14), and the flags in them. NEXT, WRITE and INDIRECT are those of a split ring.
enum PackedLayout {
    static let descriptorStride = 16
    static let length = 8
    static let id = 12
    static let flags = 14
    static let eventFlags = 2

    /// VIRTQ_DESC_F_AVAIL, _USED.
    static let available: UInt16 = 1 << 7
    static let used: UInt16 = 1 << 15

    /// RING_EVENT_FLAGS_ENABLE, _DISABLE, _DESC.
    static let enable: UInt16 = 0
    static let disable: UInt16 = 1
    static let descriptor: UInt16 = 2

    /// Whether the driver has offered a descriptor in the round of this position (2.8.1): AVAIL is as its wrap counter,
    /// USED is not.
    @inline(__always)
    static func isAvailable(_ flags: UInt16, at position: RingPosition) -> Bool {
        flags & (available | used) == (position.wrap ? available : used)
    }
}
