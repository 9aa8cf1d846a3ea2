// SPDX-License-Identifier: Apache-2.0

/// A split ring from the device's side (virtio 1.2, 2.7): its rings, and where the device is in them. A value, so that a loop
/// can have its positions in registers. A queue with a packed ring has one and leaves it as it is: all indices at 0.
@usableFromInline
struct SplitRing {
    /// The two rings, each mapped for its whole length and aligned as 2.7 demands.
    @usableFromInline let available: UnsafeRawPointer
    @usableFromInline let used: UnsafeMutableRawPointer
    /// How many entries each has; a power of two.
    @usableFromInline let size: UInt32

    // Counters whose low 16 bits are the indices of the rings. All are whole words: of a shorter field compilers load the
    // neighbour too, and that load has to wait if one of the two was just stored.

    /// The next entry of the available ring to take, and how far it is known to be filled.
    @usableFromInline var nextAvailable: UInt32 = 0
    @usableFromInline var knownAvailable: UInt32 = 0
    /// The next entry of the used ring to fill, and how far the driver sees it.
    @usableFromInline var nextUsed: UInt32 = 0
    @usableFromInline var publishedUsed: UInt32 = 0

    init(available: UnsafeRawPointer, used: UnsafeMutableRawPointer, size: UInt16) {
        self.available = available
        self.used = used
        self.size = UInt32(size)
    }

    /// Chains taken and not staged. At most `size`: `takeKnown` sees to it from above, `stage` and `undoPop` from below.
    @inlinable @inline(__always)
    var inFlightCount: UInt32 { nextAvailable &- nextUsed }

    /// Takes the next chain.
    /// - Returns: nil if the driver offers no more.
    @inlinable @inline(__always)
    mutating func take() throws(QueueError) -> TakenChain? {
        if nextAvailable == knownAvailable {
            guard try lookForMore() else { return nil }
        }
        return try takeKnown()
    }

    /// Takes the next entry of the available ring, which is known to be filled.
    @inlinable @inline(__always)
    mutating func takeKnown() throws(QueueError) -> TakenChain {
        // 2.7.13.1: a chain in flight holds at least one descriptor, so an honest driver cannot offer more.
        guard inFlightCount < size else { throw .tooManyInFlight(size: UInt16(truncatingIfNeeded: size)) }
        let head = RingAccess.load16(available + (SplitLayout.ring &+ 2 &* Int(nextAvailable & (size &- 1))))
        guard UInt32(head) < size else { throw .headOutOfRange(head: head, size: UInt16(truncatingIfNeeded: size)) }
        nextAvailable &+= 1
        return TakenChain(head: ChainHead(index: head), slot: UInt32(head))
    }

    /// Reads the driver's index; what it wrote before is visible afterwards (2.7.13.3).
    /// - Returns: whether there is an entry to take.
    @inlinable @inline(__always)
    mutating func lookForMore() throws(QueueError) -> Bool {
        let index = RingAccess.loadAcquire16(available + SplitLayout.index)
        let next = UInt16(truncatingIfNeeded: nextAvailable)
        // Wraps with the indices, so this holds at 65535 to 0 as well.
        let count = UInt32(index &- next)
        guard count <= size else {
            throw .availableIndexRanAhead(available: index, next: next, size: UInt16(truncatingIfNeeded: size))
        }
        knownAvailable = nextAvailable &+ count
        return count != 0
    }

    /// Fills the next entry of the used ring. There is a chain in flight.
    @inlinable @inline(__always)
    mutating func stage(_ head: ChainHead, written: UInt32) {
        write(head, written: written, at: nextUsed)
        nextUsed &+= 1
    }

    /// Writes an entry of the used ring.
    @inlinable @inline(__always)
    func write(_ head: ChainHead, written: UInt32, at index: UInt32) {
        let entry = used + (SplitLayout.ring &+ SplitLayout.usedStride &* Int(index & (size &- 1)))
        RingAccess.store32(UInt32(head.index), entry)
        RingAccess.store32(written, entry + 4)
    }

    /// Shows everything staged to the driver, with one store.
    /// - Returns: how many entries it had not seen.
    @inlinable @inline(__always)
    mutating func publish() -> UInt32 {
        let count = nextUsed &- publishedUsed
        guard count != 0 else { return 0 }
        RingAccess.storeRelease16(UInt16(truncatingIfNeeded: nextUsed), used + SplitLayout.index)
        publishedUsed = nextUsed
        return count
    }

    /// Nothing is known to be offered any more.
    @inlinable @inline(__always)
    mutating func stop() { knownAvailable = nextAvailable }
}
