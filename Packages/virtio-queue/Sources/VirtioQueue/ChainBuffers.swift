// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// A chain's buffers in host memory, filled by `Queue.pop(into:)`: one for each request that a device has in flight,
/// used again for the next, so that no request allocates.
///
/// All of it was checked: every byte is in guest memory, and what the device writes is not read-only memory. It stays
/// so as long as the queue's `GuestMemory` lives.
public final class ChainBuffers {
    /// The chain; nil while there is none.
    @inlinable public var head: ChainHead? { taken }
    /// What the device reads, in order; for `writev` and its like.
    @inlinable public var readable: IOVecs { _read { yield readableVectors } }
    /// What the device writes, in order; for `readv` and its like.
    @inlinable public var writable: IOVecs { _read { yield writableVectors } }

    @exclusivity(unchecked) @usableFromInline var taken: ChainHead?
    @exclusivity(unchecked) @usableFromInline var readableVectors: IOVecs
    @exclusivity(unchecked) @usableFromInline var writableVectors: IOVecs
    /// The guest's addresses of the writable part, if its memory keeps track of what was written.
    @exclusivity(unchecked) var writableRanges: [GuestRange] = []
    /// Whether there are any, without a look into the array.
    @exclusivity(unchecked) @usableFromInline var hasRanges = false

    /// Makes empty buffers.
    /// - Parameter capacity: how many pieces each part takes before it has to grow, once.
    public init(capacity: Int = 16) {
        readableVectors = IOVecs(capacity: capacity)
        writableVectors = IOVecs(capacity: capacity)
    }

    /// How many bytes the device may read.
    @inlinable public var readableByteCount: UInt64 { readableVectors.byteCount }
    /// How many bytes the device may write.
    @inlinable public var writableByteCount: UInt64 { writableVectors.byteCount }

    /// Reads the readable part from its start. Valid until the buffers are filled again.
    public var reader: ChainReader { ChainReader(ChainCursor(self, isWritable: false, remaining: readable.byteCount)) }
    /// Writes the writable part from its start. Valid until the buffers are filled again.
    public var writer: ChainWriter { ChainWriter(ChainCursor(self, isWritable: true, remaining: writable.byteCount)) }

    /// Forgets the chain.
    public func removeAll() { clear() }

    /// As `removeAll`, once a request.
    @inlinable @inline(__always)
    func clear() {
        taken = nil
        readableVectors.removeAll()
        writableVectors.removeAll()
        if _slowPath(hasRanges) { clearRanges() }
    }

    @usableFromInline @inline(never)
    func clearRanges() {
        writableRanges.removeAll(keepingCapacity: true)
        hasRanges = false
    }
}

extension Queue {
    /// Takes the next chain, walks it to its end and finds its buffers in host memory.
    /// - Parameter buffers: replaced by the chain's; empty if there is none or it is malformed.
    /// - Returns: what to push when the buffers are done with; nil if the driver offers no more.
    /// - Throws: a broken ring, or `.chain` with a malformed chain, which then counts as taken; see `recover(from:)`.
    @inlinable @inline(__always)
    public func pop(into buffers: ChainBuffers) throws(QueueError) -> ChainHead? {
        if _slowPath(buffers.taken != nil) { buffers.removeAll() }
        guard let chain = try pop() else { return nil }
        // It is made again, as less has to be handed over so.
        let taken = TakenChain(head: chain.head, slot: chain.position)
        if chain.isPacked {
            if let buffer = onlyBuffer(of: taken, PackedWalk.self) {
                try fill(buffers, from: chain.head, with: buffer)
            } else {
                try fillPacked(buffers, from: taken)
            }
        } else {
            if let buffer = onlyBuffer(of: taken, SplitWalk.self) {
                try fill(buffers, from: chain.head, with: buffer)
            } else {
                try fillSplit(buffers, from: taken)
            }
        }
        return chain.head
    }

    /// The buffer of a chain that has one, in no table: most chains of many devices. Of all rules of a walk none is left then.
    /// - Returns: nil if it is another chain. A walk then reads its first descriptor anew.
    @inlinable @inline(__always)
    func onlyBuffer<Format: WalkFormat>(of chain: TakenChain, _ format: Format.Type) -> Descriptor? {
        let entry = descriptors + SplitLayout.descriptorStride &* Int(chain.slot)
        let rest = RingAccess.load64(entry + 8)
        let flags = Format.flags(rest, isInTable: false)
        guard flags & (SplitLayout.next | SplitLayout.indirect) == 0, !chain.head.hasSeveralSlots else { return nil }
        return Descriptor(
            address: GuestAddress(RingAccess.load64(entry)), byteCount: UInt32(truncatingIfNeeded: rest),
            isWritable: flags & SplitLayout.write != 0)
    }

    @usableFromInline @inline(never)
    func fill(_ buffers: ChainBuffers, from head: ChainHead, with buffer: Descriptor) throws(QueueError) {
        if buffer.byteCount > 0 {
            do throws(QueueError) { try append(buffer, of: head, to: buffers) } catch {
                buffers.removeAll()
                throw error
            }
        }
        buffers.taken = head
    }

    @usableFromInline @inline(never)
    func fillSplit(_ buffers: ChainBuffers, from chain: TakenChain) throws(QueueError) {
        try fill(buffers, from: DescriptorChain(chain, of: self, isPacked: false), SplitWalk.self)
    }

    @usableFromInline @inline(never)
    func fillPacked(_ buffers: ChainBuffers, from chain: TakenChain) throws(QueueError) {
        try fill(buffers, from: DescriptorChain(chain, of: self, isPacked: true), PackedWalk.self)
    }

    @inline(__always)
    private func fill<Format: WalkFormat>(
        _ buffers: ChainBuffers, from start: DescriptorChain, _ format: Format.Type
    ) throws(QueueError) {
        var chain = start
        do throws(QueueError) {
            while let descriptor = try chain.next(format, in: self) {
                guard descriptor.byteCount > 0 else { continue }
                try append(descriptor, of: chain.head, to: buffers)
            }
        } catch {
            buffers.removeAll()
            throw error
        }
        buffers.taken = chain.head
    }

    /// Returns the chain that `pop(into:)` put into `buffers`, and forgets it there. The pages of the first `written`
    /// writable bytes are marked as dirty, where the memory keeps track.
    ///
    /// `push(_:written:)` with a head alone marks only the queue's own pages.
    @inlinable
    public func push(_ buffers: ChainBuffers, written: UInt32) {
        stage(buffers, written: written)
        publish()
    }

    /// Like `push(_:written:)` of buffers, but the driver does not see it before `publish()`.
    @inlinable @inline(__always)
    public func stage(_ buffers: ChainBuffers, written: UInt32) {
        guard let head = buffers.taken else { return }
        if _slowPath(buffers.hasRanges) { markDirty(buffers, written: UInt64(written)) }
        let room = buffers.writableByteCount
        buffers.clear()
        if _slowPath(head.isOrdered) {
            return stageInOrder(head, written: written, isComplete: UInt64(written) == room)
        }
        stage(head, written: written)
    }

    @usableFromInline @inline(never)
    func markDirty(_ buffers: ChainBuffers, written: UInt64) {
        var left = written
        for range in buffers.writableRanges where left > 0 {
            let count = min(left, range.byteCount)
            left &-= count
            if let part = GuestRange(start: range.start, byteCount: count) { memory.markDirty(part) }
        }
    }

    /// Adds one buffer: here the usual case that it lies in the region looked into last.
    @inline(__always)
    private func append(
        _ descriptor: Descriptor, of head: ChainHead, to buffers: ChainBuffers
    ) throws(QueueError) {
        let offset = descriptor.address.rawValue &- window.start
        guard offset < window.byteCount, UInt64(descriptor.byteCount) <= window.byteCount &- offset,
            _fastPath(!descriptor.isWritable || window.isPlain)
        else {
            guard appendPieces(of: descriptor, to: buffers) else {
                throw .chain(head, .unmappedBuffer(descriptor.address, byteCount: descriptor.byteCount))
            }
            return
        }
        // Both are below the region's length, which fits an Int as it is mapped.
        let pointer = window.host + Int(truncatingIfNeeded: offset)
        let byteCount = Int(truncatingIfNeeded: descriptor.byteCount)
        if descriptor.isWritable {
            buffers.writableVectors.append(pointer, byteCount: byteCount)
        } else {
            buffers.readableVectors.append(pointer, byteCount: byteCount)
        }
    }

    /// Adds the pieces of a buffer anywhere, one for each region that it touches.
    @inline(never)
    private func appendPieces(of descriptor: Descriptor, to buffers: ChainBuffers) -> Bool {
        var address = descriptor.address.rawValue
        var left = UInt64(descriptor.byteCount)
        while left > 0 {
            guard let offset = moveWindow(to: address) else { return false }
            let count = min(left, window.byteCount &- offset)
            let pointer = window.host + Int(truncatingIfNeeded: offset)
            if descriptor.isWritable {
                guard !window.isReadOnly else { return false }
                buffers.writableVectors.append(pointer, byteCount: Int(truncatingIfNeeded: count))
                if window.isTracked, let range = GuestRange(start: GuestAddress(address), byteCount: count) {
                    buffers.writableRanges.append(range)
                    buffers.hasRanges = true
                }
            } else {
                buffers.readableVectors.append(pointer, byteCount: Int(truncatingIfNeeded: count))
            }
            address &+= count
            left &-= count
            // Nothing comes after the end of 64 bits; address 0 is another place.
            if left > 0, address == 0 { return false }
        }
        return true
    }
}
