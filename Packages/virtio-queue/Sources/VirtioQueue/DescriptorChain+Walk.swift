// SPDX-License-Identifier: Apache-2.0
public import VMMemory

extension DescriptorChain {
    /// Reads the next descriptor, each of its fields once, and checks it.
    /// - Parameter queue: where the chain was taken from.
    /// - Returns: nil after the last one.
    /// - Throws: `.chain` with the rule that is broken. Do not go on walking then.
    @inlinable @inline(__always)
    public mutating func next(in queue: Queue) throws(QueueError) -> Descriptor? {
        isPacked ? try next(PackedWalk.self, in: queue) : try next(SplitWalk.self, in: queue)
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
        if isPacked {
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
        while Format.isConsecutive ? remaining != 0 : position != Self.end {
            let address: UInt64
            let rest: UInt64
            if _fastPath(table != nil), let table {
                let entry = table + SplitLayout.descriptorStride &* Int(position)
                address = RingAccess.load64(entry)
                rest = RingAccess.load64(entry + 8)
            } else {
                (address, rest) = try queue.readTable(at: tableAddress, position: position, of: head)
            }
            let length = UInt32(truncatingIfNeeded: rest)
            let flags = Format.flags(rest, isInTable: state & Self.inTable != 0)
            if flags & SplitLayout.indirect != 0 {
                table = try queue.table(
                    at: address, byteCount: length, of: head, isNested: state & Self.inTable != 0)
                tableAddress = address
                count = length >> 4
                position = 0
                state |= Self.inTable
                if Format.isConsecutive { remaining = count }
                continue
            }
            // 2.7.5.1: no chain is longer than the queue. It bounds loops as well, one descriptor on itself included.
            guard _fastPath(remaining > 0) else { throw .chain(head, .tooLong(limit: queue.size)) }
            remaining &-= 1
            let isWritable = flags & SplitLayout.write != 0
            if isWritable {
                state |= Self.afterWritable
            } else if _slowPath(state & Self.afterWritable != 0) {
                throw .chain(head, .readableAfterWritable)
            }
            byteCount &+= UInt64(length)
            // 2.7.5.1: at most 2^32 bytes. One byte less here, so that a 32-bit used length can always be right.
            guard _fastPath(byteCount <= UInt64(UInt32.max)) else { throw .chain(head, .tooManyBytes) }
            if Format.isConsecutive {
                position = position &+ 1 == count ? 0 : position &+ 1
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
}

extension Queue {
    /// Checks an indirect table, which the walk then goes on in. The flags NEXT and WRITE of the descriptor that refers to
    /// it are ignored: 2.7.5.3.2 says so of WRITE; NEXT is forbidden beside INDIRECT (2.7.5.3.1) and nothing after it is
    /// ever read.
    ///
    /// These two are not methods of the chain, so that a walk can keep its chain in registers.
    /// - Returns: the table in host memory; nil if it is unaligned, or over the border of two regions: legal, and slower.
    @inlinable @inline(__always)
    func table(
        at address: UInt64, byteCount: UInt32, of head: ChainHead, isNested: Bool
    ) throws(QueueError) -> UnsafeRawPointer? {
        // All rules at once, and the region that was looked into last; what else there may be is told apart elsewhere.
        let offset = address &- window.start
        let isUsual =
            !isNested && !head.hasSeveralSlots && hasIndirect && byteCount != 0 && byteCount & 15 == 0
            && byteCount >> 4 <= UInt32(size) && offset < window.byteCount
            && UInt64(byteCount) <= window.byteCount &- offset
        guard _fastPath(isUsual) else {
            return try otherTable(at: address, byteCount: byteCount, of: head, isNested: isNested)
        }
        let host = window.host + Int(truncatingIfNeeded: offset)
        return UInt(bitPattern: host) & 7 == 0 ? UnsafeRawPointer(host) : nil
    }

    @usableFromInline @inline(never)
    func otherTable(
        at address: UInt64, byteCount: UInt32, of head: ChainHead, isNested: Bool
    ) throws(QueueError) -> UnsafeRawPointer? {
        guard !head.hasSeveralSlots else { throw .chain(head, .indirectInChain) }
        guard hasIndirect else { throw .chain(head, .indirectNotNegotiated) }
        guard !isNested else { throw .chain(head, .nestedIndirect) }
        guard byteCount != 0, byteCount % 16 == 0 else { throw .chain(head, .indirectLength(byteCount)) }
        let count = byteCount / 16
        guard count <= UInt32(size) else { throw .chain(head, .indirectTooLarge(count: count, size: size)) }
        guard let host = window(at: address, byteCount: UInt64(byteCount)) else {
            guard memory.contains(GuestAddress(address), byteCount: UInt64(byteCount)) else {
                throw .chain(head, .unmappedTable(GuestAddress(address), byteCount: byteCount))
            }
            return nil
        }
        return UInt(bitPattern: host) % 8 == 0 ? UnsafeRawPointer(host) : nil
    }

    /// Reads a descriptor of such a table through the guest's memory.
    @usableFromInline @inline(never)
    func readTable(
        at table: UInt64, position: UInt32, of head: ChainHead
    ) throws(QueueError) -> (UInt64, UInt64) {
        // In range, as the whole table was checked.
        let address = table &+ 16 &* UInt64(position)
        var pair: (UInt64, UInt64) = (0, 0)
        if let pointer = window(at: address, byteCount: 16) {
            pair = RingAccess.loadPair(pointer)
        } else {
            do throws(GuestMemoryError) {
                try withUnsafeMutableBytes(of: &pair) { (bytes) throws(GuestMemoryError) in
                    try memory.read(at: GuestAddress(address), into: bytes)
                }
            } catch {
                throw .chain(head, .unmappedTable(GuestAddress(address), byteCount: 16))
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
