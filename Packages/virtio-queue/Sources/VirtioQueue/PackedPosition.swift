// SPDX-License-Identifier: Apache-2.0

/// A `RingPosition` as the device moves along a packed ring: the slot, and what the wrap counter means for flags. One word,
/// for the reason given at `SplitRing`.
@usableFromInline
struct PackedPosition: Equatable {
    /// The slot in the low half. In the high half AVAIL and USED as they are in the flags of a descriptor that the driver
    /// has offered in this round: AVAIL is as its wrap counter, USED is not (virtio 1.2, 2.8.1).
    @usableFromInline var word: UInt32

    @usableFromInline static let marks = UInt32(PackedLayout.available | PackedLayout.used) << 16
    @usableFromInline static let firstRound = UInt32(PackedLayout.available) << 16

    init(word: UInt32) { self.word = word }

    init(_ position: RingPosition) {
        word = UInt32(position.slot) | (position.wrap ? Self.firstRound : Self.firstRound ^ Self.marks)
    }

    /// Which descriptor.
    @inlinable @inline(__always)
    var slot: UInt16 { UInt16(truncatingIfNeeded: word) }

    /// As a driver or a saved state has it.
    var position: RingPosition { RingPosition(slot: slot, wrap: word & Self.marks == Self.firstRound) }

    /// Whether these are the flags of a descriptor that the driver has offered here.
    @inlinable @inline(__always)
    func isOffered(_ flags: UInt16) -> Bool { (UInt32(flags) << 16 ^ word) & Self.marks == 0 }

    /// AVAIL and USED of a used descriptor: both as the wrap counter (2.8.1).
    @inlinable @inline(__always)
    var usedFlags: UInt16 {
        word & Self.marks == Self.firstRound ? PackedLayout.available | PackedLayout.used : 0
    }

    /// The position `count` slots on, for at most one round. Both are at most 32768, so that their sum stays in its half.
    @inlinable @inline(__always)
    mutating func advance(by count: UInt32, size: UInt32) {
        word &+= count
        if word & 0xffff >= size { word = word &- size ^ Self.marks }
    }

    /// The position `count` slots back, for at most one round.
    mutating func retreat(by count: UInt32, size: UInt32) {
        if word & 0xffff < count { word = word &+ size ^ Self.marks }
        word &-= count
    }
}
