// SPDX-License-Identifier: Apache-2.0
public import VMMemory

extension DescriptorChain {
    /// Reads the next descriptor, each of its fields once, and checks it.
    /// - Parameter queue: where the chain was taken from.
    /// - Returns: nil after the last one.
    /// - Throws: `.chain` with the rule that is broken. Do not go on walking then.
    @inlinable @inline(__always)
    public mutating func next(in queue: Queue) throws(QueueError) -> Descriptor? {
        state & Self.packed != 0 ? try next(PackedWalk.self, in: queue) : try next(SplitWalk.self, in: queue)
    }

    /// Walks all that is left, which is faster than `next(in:)` since it looks once whether the ring is packed.
    /// - Parameters:
    ///   - queue: where the chain was taken from.
    ///   - body: gets each descriptor; what it throws ends the walk.
    /// - Throws: `.chain` with the rule that is broken, after the descriptors before it.
    @inlinable @inline(__always)
    public consuming func forEach(
        in queue: Queue, _ body: (Descriptor) throws(QueueError) -> Void
    ) throws(QueueError) {
        if state & Self.packed != 0 {
            try forEach(PackedWalk.self, in: queue, body)
        } else {
            try forEach(SplitWalk.self, in: queue, body)
        }
    }

    @inlinable @inline(__always)
    consuming func forEach<Format: WalkFormat>(
        _ format: Format.Type, in queue: Queue, _ body: (Descriptor) throws(QueueError) -> Void
    ) throws(QueueError) {
        while let descriptor = try next(format, in: queue) { try body(descriptor) }
    }

    /// The walk, made for one format.
    @inlinable @inline(__always)
    mutating func next<Format: WalkFormat>(_ format: Format.Type, in queue: Queue) throws(QueueError) -> Descriptor? {
        while position != Self.end {
            let address: UInt64
            let rest: UInt64
            if let table {
                let entry = table + SplitLayout.descriptorStride &* Int(position)
                address = RingAccess.load64(entry)
                rest = RingAccess.load64(entry + 8)
            } else {
                (address, rest) = try readTable(from: queue)
            }
            let length = UInt32(truncatingIfNeeded: rest)
            let flags = Format.flags(rest, isInTable: state & Self.inTable != 0)
            if flags & SplitLayout.indirect != 0 {
                if state & Self.inTable == 0, !head.hasSeveralSlots,
                    let table = queue.table(at: address, byteCount: length)
                {
                    self.table = table
                    count = length >> 4
                    position = 0
                    state |= Self.inTable
                    if Format.isConsecutive { remaining = count }
                } else {
                    self = try enteringTable(at: GuestAddress(address), byteCount: length, of: queue)
                }
                continue
            }
            // 2.7.5.1: no chain is longer than the queue. It bounds loops as well, one descriptor on itself included.
            guard remaining > 0 else { throw .chain(head, .tooLong(limit: queue.size)) }
            remaining &-= 1
            let isWritable = flags & SplitLayout.write != 0
            if isWritable {
                state |= Self.afterWritable
            } else if state & Self.afterWritable != 0 {
                throw .chain(head, .readableAfterWritable)
            }
            byteCount &+= UInt64(length)
            // 2.7.5.1: at most 2^32 bytes. One byte less here, so that a 32-bit used length can always be right.
            guard byteCount <= UInt64(UInt32.max) else { throw .chain(head, .tooManyBytes) }
            if Format.isConsecutive {
                position = remaining == 0 ? Self.end : position &+ 1 == count ? 0 : position &+ 1
            } else if flags & SplitLayout.next != 0 {
                let next = UInt16(truncatingIfNeeded: rest >> 48)
                guard UInt32(next) < count else { throw .chain(head, .nextOutOfRange(next: next, count: count)) }
                position = UInt32(next)
            } else {
                position = Self.end
            }
            return Descriptor(address: GuestAddress(address), byteCount: length, isWritable: isWritable)
        }
        return nil
    }

    /// Goes on in an indirect table. The flags NEXT and WRITE of the descriptor that refers to it are ignored: 2.7.5.3.2
    /// says so of WRITE; NEXT is forbidden beside INDIRECT (2.7.5.3.1) and nothing after it is ever read.
    ///
    /// Returns another chain instead of changing this one, so that a walk can keep its chain in registers.
    @usableFromInline @inline(never)
    func enteringTable(
        at address: GuestAddress, byteCount: UInt32, of queue: Queue
    ) throws(QueueError) -> DescriptorChain {
        guard !head.hasSeveralSlots else { throw .chain(head, .indirectInChain) }
        guard queue.features.contains(.indirectDescriptors) else { throw .chain(head, .indirectNotNegotiated) }
        guard state & Self.inTable == 0 else { throw .chain(head, .nestedIndirect) }
        guard byteCount != 0, byteCount % 16 == 0 else { throw .chain(head, .indirectLength(byteCount)) }
        let entries = byteCount / 16
        guard entries <= UInt32(queue.size) else {
            throw .chain(head, .indirectTooLarge(count: entries, size: queue.size))
        }
        var chain = self
        chain.state |= Self.inTable
        chain.count = entries
        chain.position = 0
        chain.tableAddress = address
        if queue.format == .packed { chain.remaining = entries }
        let host = queue.window(at: address, byteCount: UInt64(byteCount))
        guard host != nil || queue.memory.contains(address, byteCount: UInt64(byteCount)) else {
            throw .chain(head, .unmappedTable(address, byteCount: byteCount))
        }
        // nil if unaligned, or over the border of two regions: legal, and slower.
        chain.table = host.flatMap { UInt(bitPattern: $0) % 8 == 0 ? UnsafeRawPointer($0) : nil }
        return chain
    }

    /// Reads the descriptor at `position` through the guest's memory.
    @usableFromInline @inline(never)
    func readTable(from queue: Queue) throws(QueueError) -> (UInt64, UInt64) {
        // In range, as `enterTable` checked the whole table.
        let address = GuestAddress(tableAddress.rawValue &+ 16 &* UInt64(position))
        var pair: (UInt64, UInt64) = (0, 0)
        if let pointer = queue.window(at: address, byteCount: 16) {
            pair = RingAccess.loadPair(pointer)
        } else {
            do throws(GuestMemoryError) {
                try withUnsafeMutableBytes(of: &pair) { (bytes) throws(GuestMemoryError) in
                    try queue.memory.read(at: address, into: bytes)
                }
            } catch {
                throw .chain(head, .unmappedTable(address, byteCount: 16))
            }
        }
        return pair
    }
}

/// What differs in the descriptors of the two formats.
@usableFromInline
protocol WalkFormat {
    /// Whether descriptors follow each other, so many of them as `pop` or a table's length said; else `next` leads on.
    static var isConsecutive: Bool { get }
    /// The flags, from the second half of a descriptor.
    static func flags(_ rest: UInt64, isInTable: Bool) -> UInt16
}

/// Split rings and their tables (virtio 1.2, 2.7.5).
@usableFromInline
enum SplitWalk: WalkFormat {
    @inlinable @inline(__always) static var isConsecutive: Bool { false }
    @inlinable @inline(__always)
    static func flags(_ rest: UInt64, isInTable: Bool) -> UInt16 { UInt16(truncatingIfNeeded: rest >> 32) }
}

/// Packed rings and their tables (virtio 1.2, 2.8.5 and 2.8.7): in a table every flag but WRITE is ignored.
@usableFromInline
enum PackedWalk: WalkFormat {
    @inlinable @inline(__always) static var isConsecutive: Bool { true }
    @inlinable @inline(__always)
    static func flags(_ rest: UInt64, isInTable: Bool) -> UInt16 {
        UInt16(truncatingIfNeeded: rest >> 48) & (isInTable ? SplitLayout.write : ~0)
    }
}
