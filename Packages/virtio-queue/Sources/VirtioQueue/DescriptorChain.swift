// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// The name of a chain that was taken from a queue: what goes back with `Queue.push`. Only `Queue` makes one, so an
/// index that is out of range cannot be returned to a driver.
public struct ChainHead: Hashable, Sendable {
    /// The index of the chain's first descriptor, which is what the driver knows it by.
    public let index: UInt16

    @inlinable
    init(index: UInt16) { self.index = index }
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

/// A walk over one chain: `next(in:)` until nil. A copy walks again from where the original was.
///
/// Most devices do not walk; they take a chain with `Queue.pop(into:)`, which walks and translates in one go.
/// It is to be used with the queue that it came from, and not after the guest memory of that queue is gone.
public struct DescriptorChain {
    /// What to push when the chain is done with.
    public let head: ChainHead

    /// The table being walked in host memory; nil if it must be read piecewise through the guest's memory.
    @usableFromInline var table: UnsafeRawPointer?
    @usableFromInline var tableAddress: GuestAddress
    /// Entries of that table; `position` is always below, or `end`.
    @usableFromInline var count: UInt32
    @usableFromInline var position: UInt32
    /// Descriptors that may still come.
    @usableFromInline var remaining: UInt32
    /// 1 in an indirect table, 2 after a writable descriptor. All fields are whole words, so that a compiler that keeps
    /// a chain on the stack loads each as it was stored.
    @usableFromInline var state: UInt32
    @usableFromInline var byteCount: UInt64

    @usableFromInline static let end = UInt32.max
    @usableFromInline static let inTable: UInt32 = 1
    @usableFromInline static let afterWritable: UInt32 = 2

    @inlinable @inline(__always)
    init(head: UInt16, table: UnsafeRawPointer, tableAddress: GuestAddress, size: UInt16) {
        self.head = ChainHead(index: head)
        self.table = table
        self.tableAddress = tableAddress
        count = UInt32(size)
        position = UInt32(head)
        remaining = UInt32(size)
        state = 0
        byteCount = 0
    }
}
