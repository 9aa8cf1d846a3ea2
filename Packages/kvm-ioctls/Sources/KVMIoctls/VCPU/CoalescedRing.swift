// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// Guest writes that KVM collected without an exit, in the addresses that `addCoalescedZone` named.
///
/// One ring serves the whole virtual machine: drain it from one thread at a time, at each exit and before a device's
/// state is read.
public final class CoalescedRing: @unchecked Sendable {
    private let area: RunArea
    private let ring: UnsafeMutableRawPointer

    /// A collected write.
    public struct Write: Hashable, Sendable {
        /// The guest physical address, or the port.
        public let address: UInt64
        /// Whether `address` is a port.
        public let isPort: Bool
        /// Bytes written, 1 to 8.
        public let byteCount: UInt8
        /// What was written, little-endian; bytes beyond `byteCount` are zero.
        public let value: UInt64

        /// A write, as a test or a replay makes one.
        public init(address: UInt64, isPort: Bool, byteCount: UInt8, value: UInt64) {
            (self.address, self.isPort, self.byteCount, self.value) = (address, isPort, byteCount, value)
        }
    }

    init(area: RunArea, pageOffset: Int) throws(KVMError) {
        let offset = pageOffset.multipliedReportingOverflow(by: CoalescedRing.pageByteCount)
        guard pageOffset > 0, !offset.overflow,
            offset.partialValue <= area.byteCount - CoalescedRing.pageByteCount
        else { throw .malformedAnswer(Capability.coalescedMMIO.name) }
        self.area = area
        ring = area.base + offset.partialValue
    }

    /// Takes the oldest write; nil if there is none.
    /// - Throws: `.malformedAnswer` if the ring's indices or the entry's length are out of their range.
    public func next() throws(KVMError) -> Write? {
        // The kernel fills an entry, then moves `last`: acquired here, before the entry is read. It takes an entry's
        // place again once `first` has moved: released after.
        let first = ring.assumingMemoryBound(to: Atomic<UInt32>.self)
        let last = (ring + 4).assumingMemoryBound(to: Atomic<UInt32>.self)
        let index = first.pointee.load(ordering: .relaxed)
        let end = last.pointee.load(ordering: .acquiring)
        guard index < CoalescedRing.capacity, end < CoalescedRing.capacity else {
            throw .malformedAnswer(Capability.coalescedMMIO.name)
        }
        guard index != end else { return nil }
        // struct kvm_coalesced_mmio: address, length, is-port, data.
        let entry = ring + (8 + Int(index) * 24)
        let byteCount = entry.load(fromByteOffset: 8, as: UInt32.self)
        guard byteCount >= 1, byteCount <= 8 else { throw .malformedAnswer(Capability.coalescedMMIO.name) }
        let write = Write(
            address: entry.load(as: UInt64.self), isPort: entry.load(fromByteOffset: 12, as: UInt32.self) & 1 != 0,
            byteCount: UInt8(byteCount),
            value: entry.load(fromByteOffset: 16, as: UInt64.self) & MMIOWrite.mask(byteCount))
        first.pointee.store((index + 1) % CoalescedRing.capacity, ordering: .releasing)
        return write
    }

    private static let pageByteCount = 4096
    /// `KVM_COALESCED_MMIO_MAX`: entries of 24 bytes behind a header of 8, in a page.
    private static let capacity: UInt32 = (4096 - 8) / 24
}

extension VirtualMachine {
    /// Maps the ring of collected writes, which every vCPU's shared area shows.
    /// - Throws: `.malformedAnswer` if this KVM has none (`KVM_CAP_COALESCED_MMIO`).
    public func coalescedRing(through vcpu: VCPU) throws(KVMError) -> CoalescedRing {
        try CoalescedRing(area: vcpu.area, pageOffset: try check(.coalescedMMIO))
    }

    /// Collects guest writes to a range instead of making exits of them.
    /// - Parameters:
    ///   - address: the first guest address, or the first port.
    ///   - byteCount: the length of the range.
    ///   - isPort: whether `address` is an I/O port (`KVM_CAP_COALESCED_PIO`).
    public func addCoalescedZone(address: UInt64, byteCount: UInt32, isPort: Bool = false) throws(KVMError) {
        let zone = CoalescedZone(address: address, byteCount: byteCount, isPort: isPort ? 1 : 0)
        try Ioctl.registerCoalescedMMIO.write(zone, to: descriptor)
    }

    /// Ends what `addCoalescedZone` began, for all zones of that kind inside the range.
    public func removeCoalescedZone(address: UInt64, byteCount: UInt32, isPort: Bool = false) throws(KVMError) {
        let zone = CoalescedZone(address: address, byteCount: byteCount, isPort: isPort ? 1 : 0)
        try Ioctl.unregisterCoalescedMMIO.write(zone, to: descriptor)
    }
}

/// `struct kvm_coalesced_mmio_zone`.
package struct CoalescedZone: BitwiseCopyable {
    package var address: UInt64
    package var byteCount: UInt32
    package var isPort: UInt32
}

extension Ioctl {
    /// `KVM_REGISTER_COALESCED_MMIO`.
    public static let registerCoalescedMMIO = Ioctl("KVM_REGISTER_COALESCED_MMIO", .write, 0x67, CoalescedZone.self)
    /// `KVM_UNREGISTER_COALESCED_MMIO`.
    public static let unregisterCoalescedMMIO = Ioctl("KVM_UNREGISTER_COALESCED_MMIO", .write, 0x68, CoalescedZone.self)

    /// The requests of this file.
    static let coalesced: [Ioctl] = [registerCoalescedMMIO, unregisterCoalescedMMIO]
}
