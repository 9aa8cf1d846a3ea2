// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// The name of a chain that was taken from a queue: what goes back with `Queue.push`. Only `Queue` makes one, so an
/// index that is out of range cannot be returned to a driver.
public struct ChainHead: Hashable, Sendable {
    /// The index; from bit 16 on the slots behind the first; bit 31 if chains go back in order. One word, for the reason
    /// given at `DescriptorChain.state`.
    @usableFromInline let word: UInt32

    /// What the driver knows it by: the index of the chain's first descriptor, in a packed ring its buffer id.
    @inlinable public var index: UInt16 { UInt16(truncatingIfNeeded: word) }
    /// How many slots of a packed ring it takes (virtio 1.2, 2.8.6); 1 in a split ring.
    @inlinable public var slotCount: UInt16 { UInt16(truncatingIfNeeded: word >> 16) & 0x7fff &+ 1 }
    @inlinable @inline(__always)
    var hasSeveralSlots: Bool { word & 0x7fff_0000 != 0 }
    @inlinable @inline(__always)
    var isOrdered: Bool { word & 0x8000_0000 != 0 }

    @inlinable
    init(index: UInt16) { word = UInt32(index) }

    /// One of a packed ring, with 1 to 32768 slots.
    @inlinable
    init(index: UInt16, slotCount: UInt16) { word = UInt32(index) | UInt32(slotCount &- 1) << 16 }

    private init(word: UInt32) { self.word = word }

    /// The same chain of a queue with VIRTIO_F_IN_ORDER.
    var ordered: ChainHead { ChainHead(word: word | 0x8000_0000) }
}

/// What is known of a chain when it is taken: its name, and its first slot or descriptor.
@usableFromInline
struct TakenChain {
    @usableFromInline let head: ChainHead
    @usableFromInline let slot: UInt32

    @inlinable @inline(__always)
    init(head: ChainHead, slot: UInt32) {
        self.head = head
        self.slot = slot
    }
}

/// One buffer of a chain, as the driver described it when it was read. The range need not be mapped.
public struct Descriptor: Equatable, Sendable {
    /// Where the buffer is.
    public let address: GuestAddress
    /// Its length in bytes; may be 0.
    public let byteCount: UInt32
    /// Whether the device writes it; else it reads it.
    public let isWritable: Bool

    @inlinable
    init(address: GuestAddress, byteCount: UInt32, isWritable: Bool) {
        self.address = address
        self.byteCount = byteCount
        self.isWritable = isWritable
    }
}

/// A walk over one chain: `forEach(in:_:)`, or `next(in:)` until nil. A copy walks again from where the original was.
///
/// Most devices do not walk; they take a chain with `Queue.pop(into:)`, which walks and translates in one go.
/// It is to be used with the queue that it came from, and not after the guest memory of that queue is gone. In a packed
/// ring, used descriptors overwrite chains: walk one to its end before another is returned.
public struct DescriptorChain {
    /// What to push when the chain is done with.
    public let head: ChainHead

    /// The table or packed ring being walked in host memory; nil if it must be read piecewise through the guest's memory.
    @usableFromInline var table: UnsafeRawPointer?
    @usableFromInline var tableAddress: UInt64
    /// Entries of that table; `position` is always below, or `end`.
    @usableFromInline var count: UInt32
    @usableFromInline var position: UInt32
    /// Descriptors that may still come; in a packed ring, that will come.
    @usableFromInline var remaining: UInt32
    /// 1 in an indirect table, 2 after a writable descriptor, 4 in a packed ring. All fields are whole words, so that a compiler that keeps
    /// a chain on the stack loads each as it was stored.
    @usableFromInline var state: UInt32
    @usableFromInline var byteCount: UInt64

    @usableFromInline static let end = UInt32.max
    @usableFromInline static let inTable: UInt32 = 1
    @usableFromInline static let afterWritable: UInt32 = 2
    @usableFromInline static let packed: UInt32 = 4

    @inlinable @inline(__always)
    var isPacked: Bool { state & Self.packed != 0 }

    @inlinable @inline(__always)
    init(_ chain: TakenChain, of queue: Queue, isPacked: Bool) {
        head = chain.head
        table = queue.descriptors
        tableAddress = 0
        count = UInt32(queue.size)
        position = chain.slot
        remaining = UInt32(isPacked ? chain.head.slotCount : queue.size)
        state = isPacked ? Self.packed : 0
        byteCount = 0
    }
}
