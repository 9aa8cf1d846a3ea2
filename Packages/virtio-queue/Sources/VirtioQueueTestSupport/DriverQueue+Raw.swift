// SPDX-License-Identifier: Apache-2.0
public import VMMemory
internal import VirtioQueue

/// Every field of the rings by itself, to read, and to set to what no driver would.
extension DriverQueue {
    /// Writes a descriptor. Flags: 1 NEXT, 2 WRITE, 4 INDIRECT.
    public func setDescriptor(
        _ index: UInt16, _ address: GuestAddress, byteCount: UInt32, flags: UInt16, next: UInt16 = 0
    ) throws(GuestMemoryError) {
        let entry = configuration.descriptorTable.rawValue &+ 16 &* UInt64(index)
        try setTableEntry(
            GuestAddress(entry), Buffer(address, byteCount, isWritable: false), flags: flags, next: next)
    }

    /// Writes an entry of a descriptor table anywhere.
    public func setTableEntry(
        _ entry: GuestAddress, _ buffer: Buffer, flags: UInt16, next: UInt16 = 0
    ) throws(GuestMemoryError) {
        var bytes: [UInt8] = []
        append(buffer.address.rawValue, to: &bytes)
        append(buffer.byteCount, to: &bytes)
        append(flags | (buffer.isWritable ? 2 : 0), to: &bytes)
        append(next, to: &bytes)
        try write(bytes, at: entry)
    }

    /// Writes the slot of an available index.
    public func setAvailableEntry(_ index: UInt16, _ head: UInt16) throws(GuestMemoryError) {
        try store(head, .availableRing, 4 &+ 2 &* UInt64(index & (size &- 1)))
    }

    /// Writes the available index, after everything else.
    public func setAvailableIndex(_ index: UInt16) throws(GuestMemoryError) {
        let address = GuestAddress(configuration.availableRing.rawValue &+ 2)
        try memory.atomicStore(index, at: address, ordering: .sequentiallyConsistent)
    }

    /// Writes the flags of the available ring; 1 asks for no interrupts.
    public func setAvailableFlags(_ flags: UInt16) throws(GuestMemoryError) { try store(flags, .availableRing, 0) }

    /// Writes the used index at whose passing the driver wants an interrupt.
    public func setUsedEvent(_ index: UInt16) throws(GuestMemoryError) {
        try store(index, .availableRing, 4 &+ 2 &* UInt64(size))
    }

    /// The available index at whose passing the device wants a doorbell.
    public func availableEvent() throws(GuestMemoryError) -> UInt16 {
        try load(.usedRing, 4 &+ 8 &* UInt64(size))
    }

    /// The flags of the used ring; 1 asks for no doorbell.
    public func usedFlags() throws(GuestMemoryError) -> UInt16 { try load(.usedRing, 0) }

    /// The device's used index; what it wrote before is visible.
    public func usedIndex() throws(GuestMemoryError) -> UInt16 {
        let address = GuestAddress(configuration.usedRing.rawValue &+ 2)
        return try memory.atomicLoad(UInt16.self, at: address, ordering: .sequentiallyConsistent)
    }

    /// The entry of a used index.
    public func usedEntry(_ index: UInt16) throws(GuestMemoryError) -> Used {
        let offset = 4 &+ 8 &* UInt64(index & (size &- 1))
        let base = configuration.usedRing.rawValue &+ offset
        return Used(
            head: try memory.load(UInt32.self, at: GuestAddress(base)),
            written: try memory.load(UInt32.self, at: GuestAddress(base &+ 4)))
    }

    /// Whether a driver that published everything since `oldIndex` must ring the doorbell (2.7.10).
    public func mustRing(since oldIndex: UInt16) throws(GuestMemoryError) -> Bool {
        guard features.contains(.eventIndex) else { return try usedFlags() & 1 == 0 }
        return nextAvailable &- (try availableEvent()) &- 1 < nextAvailable &- oldIndex
    }

    /// The driver's own next index of the available ring.
    public var availableIndex: UInt16 { nextAvailable }

    func store(_ value: UInt16, _ area: QueueArea, _ offset: UInt64) throws(GuestMemoryError) {
        try memory.store(value, at: GuestAddress(configuration[area].rawValue &+ offset))
    }

    private func load(_ area: QueueArea, _ offset: UInt64) throws(GuestMemoryError) -> UInt16 {
        try memory.load(UInt16.self, at: GuestAddress(configuration[area].rawValue &+ offset))
    }

    private func append<T: FixedWidthInteger>(_ value: T, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
    }
}
