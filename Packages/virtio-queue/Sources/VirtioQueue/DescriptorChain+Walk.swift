// SPDX-License-Identifier: Apache-2.0
public import VMMemory

extension DescriptorChain {
    /// Reads the next descriptor, each of its fields once, and checks it.
    /// - Parameter queue: where the chain was taken from.
    /// - Returns: nil after the last one.
    /// - Throws: `.chain` with the rule that is broken. Do not go on walking then.
    @inlinable @inline(__always)
    public mutating func next(in queue: Queue) throws(QueueError) -> Descriptor? {
        while position != Self.end {
            let address: UInt64
            let rest: UInt64
            if let table {
                let entry = table + SplitLayout.descriptorStride &* Int(position)
                address = RingAccess.load64(entry)
                rest = RingAccess.load64(entry + 8)
            } else {
                (address, rest) = try readPiecewise(from: queue)
            }
            let length = UInt32(truncatingIfNeeded: rest)
            let flags = UInt16(truncatingIfNeeded: rest >> 32)
            if flags & SplitLayout.indirect != 0 {
                if state & (Self.inTable | Self.packed) == 0, let table = queue.table(at: address, byteCount: length) {
                    self.table = table
                    count = length >> 4
                    position = 0
                    state |= Self.inTable
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
            if flags & SplitLayout.next != 0 {
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
        chain.table = host.flatMap {
            UInt(bitPattern: $0) % 8 == 0 && queue.format == .split ? UnsafeRawPointer($0) : nil
        }
        return chain
    }

    /// Reads the descriptor at `position` through the guest's memory, or from a packed ring.
    @usableFromInline @inline(never)
    func readPiecewise(from queue: Queue) throws(QueueError) -> (UInt64, UInt64) {
        state & Self.packed == 0 ? try readTable(from: queue) : try readPacked(from: queue)
    }

    /// Reads a descriptor of a packed ring or of its indirect table, with NEXT and `next` as a split ring would have
    /// them: descriptors are consecutive, and `pop` or the table's length said how many there are.
    @inline(__always)
    private func readPacked(from queue: Queue) throws(QueueError) -> (UInt64, UInt64) {
        let address: UInt64
        let rest: UInt64
        if state & Self.inTable == 0 {
            let entry = queue.descriptors + PackedLayout.descriptorStride &* Int(position)
            address = RingAccess.load64(entry)
            rest = RingAccess.load64(entry + PackedLayout.length)
        } else {
            (address, rest) = try readTable(from: queue)
        }
        var flags = UInt16(truncatingIfNeeded: rest >> 48) & (SplitLayout.write | SplitLayout.indirect)
        if state & Self.inTable != 0 {
            // 2.8.7: every other flag in a table is ignored.
            flags &= SplitLayout.write
        } else if flags & SplitLayout.indirect != 0, head.slotCount > 1 {
            throw .chain(head, .indirectInChain)
        }
        if remaining > 1 { flags |= SplitLayout.next }
        let next = position &+ 1 < count ? UInt64(position &+ 1) : 0
        return (address, rest & 0xffff_ffff | UInt64(flags) << 32 | next << 48)
    }

    private func readTable(from queue: Queue) throws(QueueError) -> (UInt64, UInt64) {
        // In range, as `enterTable` checked the whole table.
        let address = GuestAddress(tableAddress.rawValue &+ 16 &* UInt64(position))
        if let pointer = queue.window(at: address, byteCount: 16) {
            // Those of packed rings come here whatever their alignment.
            guard UInt(bitPattern: pointer) % 8 == 0 else { return RingAccess.loadPair(pointer) }
            return (RingAccess.load64(pointer), RingAccess.load64(pointer + 8))
        }
        var pair: (UInt64, UInt64) = (0, 0)
        do throws(GuestMemoryError) {
            try withUnsafeMutableBytes(of: &pair) { (bytes) throws(GuestMemoryError) in
                try queue.memory.read(at: address, into: bytes)
            }
        } catch {
            throw .chain(head, .unmappedTable(address, byteCount: 16))
        }
        return pair
    }
}
