// SPDX-License-Identifier: Apache-2.0

/// VIRTIO_F_IN_ORDER (virtio 1.2, 2.7.9 and 2.8.8): chains go back in the order in which they were offered, whatever the
/// order in which the device is done with them. Calls come here where a queue without it has nothing left to do: a split
/// ring takes one entry at a time, and heads say that they are in order.
extension Queue {
    /// Takes the next chain of either format, and remembers its place.
    @usableFromInline @inline(never)
    func popInOrder() throws(QueueError) -> TakenChain? {
        guard let order else { return nil }
        if format == .packed {
            guard let chain = try popPacked() else { return nil }
            order.append(chain.head.ordered)
            return TakenChain(head: chain.head.ordered, slot: chain.slot)
        }
        guard try lookForMore() else { return nil }
        let chain = try popKnown()
        // So that the next one is asked for here too.
        split.stop()
        order.append(chain.head.ordered)
        return TakenChain(head: chain.head.ordered, slot: chain.slot)
    }

    /// Takes a chain back from the device, and stages it if it is its turn, and with it those that waited for it.
    @usableFromInline @inline(never)
    func stageInOrder(_ head: ChainHead, written: UInt32, isComplete: Bool) {
        guard let order, order.finish(head, written: written, isComplete: isComplete) else { return }
        while let entry = order.takeFirst() {
            format == .packed ? stagePackedInOrder(entry, order) : stageSplitInOrder(entry, order)
        }
    }

    /// A used entry names the last chain of a batch; it lies where the first one's would, and the driver skips as many
    /// as the batch has (2.7.9). The driver assumes of those without an entry that all of their room was written.
    private func stageSplitInOrder(_ entry: ChainOrder.Entry, _ order: ChainOrder) {
        let at = split.nextUsed == split.publishedUsed ? split.nextUsed : order.openEntry ?? split.nextUsed
        split.write(entry.head, written: entry.written, at: at)
        split.nextUsed &+= 1
        order.openEntry = entry.isComplete ? at : nil
    }

    /// The same with a used descriptor (2.8.8).
    private func stagePackedInOrder(_ entry: ChainOrder.Entry, _ order: ChainOrder) {
        var at = packed.nextUsed
        if packed.stagedSlots > 0, let open = order.openEntry { at = PackedPosition(word: open) }
        packed.stage(entry.head, written: entry.written, at: at)
        order.openEntry = entry.isComplete ? at.word : nil
    }
}
