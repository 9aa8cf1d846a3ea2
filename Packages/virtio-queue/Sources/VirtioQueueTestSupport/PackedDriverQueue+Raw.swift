// SPDX-License-Identifier: Apache-2.0
public import VMMemory
public import VirtioQueue

/// Every field of a packed ring by itself, to read, and to set to what no driver would.
extension PackedDriverQueue {
    /// Where the descriptor of a slot is; slots go on counting over the ring's end.
    public func slotAddress(_ slot: UInt64) -> GuestAddress {
        GuestAddress(configuration.descriptorTable.rawValue + 16 * (slot % UInt64(size)))
    }

    /// Whether the wrap counter is 1 at a slot.
    public func isWrapped(_ slot: UInt64) -> Bool { slot / UInt64(size) % 2 == 0 }

    /// The position of a slot, as the event suppression structures have it.
    public func position(_ slot: UInt64) -> RingPosition {
        RingPosition(slot: UInt16(slot % UInt64(size)), wrap: isWrapped(slot))
    }

    /// The flags AVAIL and USED of a descriptor that is offered in a slot.
    public func offered(_ slot: UInt64) -> UInt16 { isWrapped(slot) ? 0x80 : 0x8000 }

    /// Writes an available descriptor at once. Flags: 1 NEXT, 2 WRITE, 4 INDIRECT.
    public func setDescriptor(
        _ slot: UInt64, _ address: GuestAddress, byteCount: UInt32, id: UInt16, flags: UInt16
    ) throws(GuestMemoryError) {
        let buffer = Buffer(address, byteCount, isWritable: false)
        try setEntry(slotAddress(slot), buffer, id: id, flags: flags | offered(slot))
    }

    /// Writes a descriptor anywhere.
    public func setEntry(
        _ entry: GuestAddress, _ buffer: Buffer, id: UInt16, flags: UInt16
    ) throws(GuestMemoryError) {
        try memory.store(buffer.address.rawValue, at: entry)
        try memory.store(buffer.byteCount, at: GuestAddress(entry.rawValue + 8))
        try memory.store(id, at: GuestAddress(entry.rawValue + 12))
        try memory.store(flags, at: GuestAddress(entry.rawValue + 14))
    }

    /// Writes the flags of a slot.
    public func setFlags(_ slot: UInt64, _ flags: UInt16) throws(GuestMemoryError) {
        try memory.store(flags, at: GuestAddress(slotAddress(slot).rawValue + 14))
    }

    /// The flags of a slot.
    public func flagsNow(_ slot: UInt64) throws(GuestMemoryError) -> UInt16 {
        try memory.load(UInt16.self, at: GuestAddress(slotAddress(slot).rawValue + 14))
    }

    /// Which interrupts the driver wants: 0 all, 1 none, 2 that of a position, 3 is reserved.
    public func setDriverEvent(
        flags: UInt16, _ position: RingPosition = RingPosition(rawValue: 0)
    ) throws(GuestMemoryError) {
        try memory.store(UInt32(flags) << 16 | UInt32(position.rawValue), at: configuration.availableRing)
    }

    /// Which doorbells the device wants, likewise.
    public func deviceEvent() throws(GuestMemoryError) -> (flags: UInt16, position: RingPosition) {
        let word = try memory.load(UInt32.self, at: configuration.usedRing)
        return (
            UInt16(truncatingIfNeeded: word >> 16), RingPosition(rawValue: UInt16(truncatingIfNeeded: word))
        )
    }

    /// Whether a driver that published everything since `oldSlot` must ring the doorbell (virtio 1.2, 2.8.10).
    public func mustRing(since oldSlot: UInt64) throws(GuestMemoryError) -> Bool {
        let event = try deviceEvent()
        guard event.flags == 2 else { return event.flags != 1 }
        return (oldSlot..<nextAvailable).contains { position($0) == event.position }
    }
}
