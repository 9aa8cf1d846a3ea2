// SPDX-License-Identifier: Apache-2.0

/// How a queue lies in memory.
public enum RingFormat: Sendable, Hashable {
    /// A descriptor table and two rings (virtio 1.2, 2.7).
    case split
    /// One ring that both sides write, and a word each for notifications (virtio 1.2, 2.8).
    case packed

    /// What the accepted features say: VIRTIO_F_RING_PACKED or not.
    public init(_ features: VirtioFeatures) { self = features.contains(.packedRing) ? .packed : .split }
}

/// A slot of a packed ring and the wrap counter of who is there (virtio 1.2, 2.8.1), in the form of the event
/// suppression structures (2.8.14): the slot in bits 0 to 14, the counter in bit 15.
///
/// Rounds alternate between 1 and 0, so positions form a circle of twice the ring's size.
public struct RingPosition: Hashable, Sendable {
    /// Slot and counter.
    public let rawValue: UInt16

    /// Where both sides begin: slot 0, the counter at 1.
    public static let start = RingPosition(rawValue: 0x8000)

    /// Takes a driver's or a saved word; nothing says that the slot is in the ring.
    public init(rawValue: UInt16) { self.rawValue = rawValue }

    /// A slot, of which bit 15 is dropped, and the counter.
    public init(slot: UInt16, wrap: Bool) { rawValue = slot & 0x7fff | (wrap ? 0x8000 : 0) }

    /// Which descriptor.
    public var slot: UInt16 { rawValue & 0x7fff }
    /// The wrap counter.
    public var wrap: Bool { rawValue & 0x8000 != 0 }

    /// How many slots lie ahead until `other`: 0 up to two rounds less one. Both are in the ring.
    func distance(to other: RingPosition, size: UInt16) -> UInt32 {
        let from = place(size)
        let to = other.place(size)
        return to >= from ? to &- from : to &+ 2 &* UInt32(size) &- from
    }

    private func place(_ size: UInt16) -> UInt32 { UInt32(slot) &+ (wrap ? 0 : UInt32(size)) }
}
