// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

extension Queue {
    /// Whether the driver wants an interrupt for what was published since the last call; call once after each batch.
    ///
    /// With VIRTIO_F_EVENT_IDX the driver names the used index at whose passing it wants to hear (virtio 1.2, 2.7.10);
    /// else it sets a flag to be left alone (2.7.7). In a packed ring its event suppression structure says both (2.8.10).
    /// Wrong only towards too many, never too few.
    public func shouldSignalDriver() -> Bool {
        let count = unsignalled
        guard count > 0 else { return false }
        unsignalled = 0
        // The driver stores its event and then reads the used index; here the index is stored and then the event read.
        // Without a full fence between, both could miss the other's store, and the driver would sleep for ever.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        if format == .packed { return driverWantsPackedSignal(forLast: count) }
        guard hasEventIndex else {
            return RingAccess.load16(available + SplitLayout.flags) & SplitLayout.noInterrupt == 0
        }
        // More than one round of the index passes over every event.
        guard let added = UInt16(exactly: count) else { return true }
        let event = RingAccess.load16(available + (SplitLayout.ring + 2 * Int(size)))
        return UInt16(truncatingIfNeeded: split.publishedUsed) &- event &- 1 < added
    }

    /// Tells the driver that the device is looking anyway and needs no doorbell (2.7.10). Only a hint.
    ///
    /// With VIRTIO_F_EVENT_IDX nothing is to be done in a split ring: the old event is passed once and then stays behind.
    public func disableNotifications() {
        if format == .packed { return disablePackedNotifications() }
        guard !hasEventIndex else { return }
        RingAccess.store16(SplitLayout.noNotify, used + SplitLayout.flags)
        if isTracked { markUsedRing() }
    }

    /// Tells the driver to ring the doorbell for the next chain.
    /// - Returns: true if chains came in meanwhile, which nobody will ring for: serve the queue again. Always false for
    ///   a broken ring, so that no loop spins on it.
    public func enableNotifications() -> Bool {
        if format == .packed { return enablePackedNotifications() }
        let next = UInt16(truncatingIfNeeded: split.nextAvailable)
        if hasEventIndex {
            RingAccess.store16(next, used + (SplitLayout.ring + SplitLayout.usedStride * Int(size)))
        } else {
            RingAccess.store16(0, used + SplitLayout.flags)
        }
        if isTracked { markUsedRing() }
        // As in shouldSignalDriver, from the other side: the store above before the load below.
        atomicMemoryFence(ordering: .sequentiallyConsistent)
        guard failure == nil else { return false }
        return RingAccess.loadAcquire16(available + SplitLayout.index) != next
    }
}
