// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// A chain's buffers in host memory, filled by `Queue.pop(into:)`: one for each request that a device has in flight,
/// used again for the next, so that no request allocates.
///
/// All of it was checked: every byte is in guest memory, and what the device writes is not read-only memory. It stays
/// so as long as the queue's `GuestMemory` lives.
public final class ChainBuffers {
    /// The chain; nil while there is none.
    @exclusivity(unchecked) public internal(set) var head: ChainHead?
    /// What the device reads, in order; for `writev` and its like.
    @exclusivity(unchecked) public internal(set) var readable: IOVecs
    /// What the device writes, in order; for `readv` and its like.
    @exclusivity(unchecked) public internal(set) var writable: IOVecs
    /// The guest's addresses of the writable part, if its memory keeps track of what was written.
    @exclusivity(unchecked) var writableRanges: [GuestRange] = []
    /// Whether there are any, without a look into the array.
    @exclusivity(unchecked) var hasRanges = false

    /// Makes empty buffers.
    /// - Parameter capacity: how many pieces each part takes before it has to grow, once.
    public init(capacity: Int = 16) {
        readable = IOVecs(capacity: capacity)
        writable = IOVecs(capacity: capacity)
    }

    /// How many bytes the device may read.
    public var readableByteCount: UInt64 { readable.byteCount }
    /// How many bytes the device may write.
    public var writableByteCount: UInt64 { writable.byteCount }

    /// Reads the readable part from its start. Valid until the buffers are filled again.
    public var reader: ChainReader { ChainReader(ChainCursor(self, isWritable: false, remaining: readable.byteCount)) }
    /// Writes the writable part from its start. Valid until the buffers are filled again.
    public var writer: ChainWriter { ChainWriter(ChainCursor(self, isWritable: true, remaining: writable.byteCount)) }

    /// Forgets the chain.
    public func removeAll() { clear() }

    /// As `removeAll`, once a request.
    @inline(__always)
    func clear() {
        head = nil
        readable.removeAll()
        writable.removeAll()
        if hasRanges { clearRanges() }
    }

    @inline(never)
    private func clearRanges() {
        writableRanges.removeAll(keepingCapacity: true)
        hasRanges = false
    }
}

extension Queue {
    /// Takes the next chain, walks it to its end and finds its buffers in host memory.
    /// - Parameter buffers: replaced by the chain's; empty if there is none or it is malformed.
    /// - Returns: what to push when the buffers are done with; nil if the driver offers no more.
    /// - Throws: a broken ring, or `.chain` with a malformed chain, which then counts as taken; see `recover(from:)`.
    public func pop(into buffers: ChainBuffers) throws(QueueError) -> ChainHead? {
        isPlain ? try popSplit(into: buffers) : try popOther(into: buffers)
    }

    private func popSplit(into buffers: ChainBuffers) throws(QueueError) -> ChainHead? {
        if buffers.head != nil { buffers.removeAll() }
        if nextAvailable == knownAvailable {
            guard try lookForMore() else { return nil }
        }
        return try fill(buffers, from: try popSplit(), SplitWalk.self)
    }

    private func popOther(into buffers: ChainBuffers) throws(QueueError) -> ChainHead? {
        if buffers.head != nil { buffers.removeAll() }
        guard let taken = isInOrder ? try popInOrder() : try popPacked() else { return nil }
        let chain = DescriptorChain(taken, of: self)
        guard format == .packed else { return try fill(buffers, from: chain, SplitWalk.self) }
        return try fill(buffers, from: chain, PackedWalk.self)
    }

    @inline(__always)
    private func fill<Format: WalkFormat>(
        _ buffers: ChainBuffers, from start: DescriptorChain, _ format: Format.Type
    ) throws(QueueError) -> ChainHead {
        var chain = start
        do throws(QueueError) {
            while let descriptor = try chain.next(format, in: self) {
                guard descriptor.byteCount > 0 else { continue }
                guard append(descriptor, to: buffers) else {
                    throw .chain(
                        chain.head, .unmappedBuffer(descriptor.address, byteCount: descriptor.byteCount))
                }
            }
        } catch {
            buffers.removeAll()
            throw error
        }
        buffers.head = chain.head
        return chain.head
    }

    /// Returns the chain that `pop(into:)` put into `buffers`, and forgets it there. The pages of the first `written`
    /// writable bytes are marked as dirty, where the memory keeps track.
    ///
    /// `push(_:written:)` with a head alone marks only the queue's own pages.
    public func push(_ buffers: ChainBuffers, written: UInt32) {
        stage(buffers, written: written)
        publish()
    }

    /// Like `push(_:written:)` of buffers, but the driver does not see it before `publish()`.
    public func stage(_ buffers: ChainBuffers, written: UInt32) {
        guard let head = buffers.head else { return }
        if buffers.hasRanges { markDirty(buffers, written: UInt64(written)) }
        let room = buffers.writable.byteCount
        buffers.clear()
        guard !head.isOrdered else {
            return stageInOrder(head, written: written, isComplete: UInt64(written) == room)
        }
        stage(head, written: written)
    }

    @inline(never)
    private func markDirty(_ buffers: ChainBuffers, written: UInt64) {
        var left = written
        for range in buffers.writableRanges where left > 0 {
            let count = min(left, range.byteCount)
            left &-= count
            if let part = GuestRange(start: range.start, byteCount: count) { memory.markDirty(part) }
        }
    }

    /// Adds one buffer: here the usual case that it lies in the region looked into last.
    @inline(__always)
    private func append(_ descriptor: Descriptor, to buffers: ChainBuffers) -> Bool {
        let offset = descriptor.address.rawValue &- window.start
        guard offset < window.byteCount, UInt64(descriptor.byteCount) <= window.byteCount &- offset,
            !descriptor.isWritable || window.isPlain
        else { return appendPieces(of: descriptor, to: buffers) }
        // Both are below the region's length, which fits an Int as it is mapped.
        let pointer = window.host + Int(truncatingIfNeeded: offset)
        let byteCount = Int(truncatingIfNeeded: descriptor.byteCount)
        if descriptor.isWritable {
            buffers.writable.append(pointer, byteCount: byteCount)
        } else {
            buffers.readable.append(pointer, byteCount: byteCount)
        }
        return true
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
                buffers.writable.append(pointer, byteCount: Int(truncatingIfNeeded: count))
                if window.isTracked, let range = GuestRange(start: GuestAddress(address), byteCount: count) {
                    buffers.writableRanges.append(range)
                    buffers.hasRanges = true
                }
            } else {
                buffers.readable.append(pointer, byteCount: Int(truncatingIfNeeded: count))
            }
            address &+= count
            left &-= count
            // Nothing comes after the end of 64 bits; address 0 is another place.
            if left > 0, address == 0 { return false }
        }
        return true
    }
}
