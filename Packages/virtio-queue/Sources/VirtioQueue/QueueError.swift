// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// How a driver broke a queue's rules while it ran.
public enum QueueError: Error, Equatable, Sendable {
    /// The available index is more than a queue size before the device's, or behind it (virtio 1.2, 2.7.13.3).
    case availableIndexRanAhead(available: UInt16, next: UInt16, size: UInt16)
    /// An entry of the available ring names no descriptor (2.7.6).
    case headOutOfRange(head: UInt16, size: UInt16)
    /// The driver offers a chain while it has as many in flight as the queue has descriptors, so one is offered twice.
    case tooManyInFlight(size: UInt16)
    /// NEXT goes on in a packed ring over every slot that is not in flight (virtio 1.2, 2.8.17): where the chain ends
    /// and what its buffer id is cannot be known.
    case chainWithoutEnd(slot: UInt16, size: UInt16)
    /// A packed chain goes on in a slot that the driver has not offered (2.8.6, 2.8.17).
    case partialChain(slot: UInt16)
    /// The ring was broken already when its state was saved.
    case savedBroken
    /// One chain is malformed; the ring itself is sound.
    case chain(ChainHead, ChainError)

    /// The chain that can be returned to the driver in spite of the error; nil if the ring itself is broken.
    public var head: ChainHead? {
        if case .chain(let head, _) = self { head } else { nil }
    }
}

/// What is wrong with one descriptor chain.
public enum ChainError: Error, Equatable, Sendable {
    /// `next` names no entry of the table that is being walked (virtio 1.2, 2.7.5).
    case nextOutOfRange(next: UInt16, count: UInt32)
    /// More descriptors than the queue has entries: a loop, or a chain that is too long (2.7.5.1, 2.7.5.3.1).
    case tooLong(limit: UInt16)
    /// All buffers together are longer than 4 GiB (2.7.5.1).
    case tooManyBytes
    /// A buffer for the device to read comes after one for it to write (2.7.4.2).
    case readableAfterWritable
    /// An indirect table holds a reference to another one (2.7.5.3.1).
    case nestedIndirect
    /// A reference to an indirect table in a packed chain of more than one descriptor (2.8.19).
    case indirectInChain
    /// VIRTQ_DESC_F_INDIRECT without VIRTIO_F_INDIRECT_DESC accepted (2.7.5.3.1).
    case indirectNotNegotiated
    /// The length of an indirect table is zero or no multiple of 16 (2.7.5.3).
    case indirectLength(UInt32)
    /// An indirect table has more entries than the queue (2.7.5.3.1).
    case indirectTooLarge(count: UInt32, size: UInt16)
    /// An indirect table is not in guest memory.
    case unmappedTable(GuestAddress, byteCount: UInt32)
    /// A buffer is not in guest memory.
    case unmappedBuffer(GuestAddress, byteCount: UInt32)
}

extension QueueError: CustomStringConvertible {
    /// One line.
    public var description: String {
        switch self {
        case .availableIndexRanAhead(let available, let next, let size):
            "available index \(available) is not within \(size) of \(next)"
        case .headOutOfRange(let head, let size): "head \(head) in a queue of \(size)"
        case .tooManyInFlight(let size): "more than \(size) chains in flight"
        case .chainWithoutEnd(let slot, let size): "the chain from slot \(slot) does not end in a ring of \(size)"
        case .partialChain(let slot): "a chain goes on in slot \(slot), which is not available"
        case .savedBroken: "broken before it was saved"
        case .chain(let head, let error): "chain \(head.index): \(error)"
        }
    }
}

extension ChainError: CustomStringConvertible {
    /// One line.
    public var description: String {
        switch self {
        case .nextOutOfRange(let next, let count): "next is \(next) in a table of \(count)"
        case .tooLong(let limit): "loops or has more than \(limit) descriptors"
        case .tooManyBytes: "longer than 4 GiB"
        case .readableAfterWritable: "readable descriptor after a writable one"
        case .nestedIndirect: "indirect table inside an indirect table"
        case .indirectInChain: "indirect table in a chain of several descriptors"
        case .indirectNotNegotiated: "indirect descriptor without the feature"
        case .indirectLength(let length): "indirect table of \(length) bytes"
        case .indirectTooLarge(let count, let size): "indirect table of \(count) entries in a queue of \(size)"
        case .unmappedTable(let address, let count): "indirect table at \(address), \(count) bytes, is not mapped"
        case .unmappedBuffer(let address, let count): "buffer at \(address), \(count) bytes, is not mapped"
        }
    }
}
