// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
public import VMMSysUtil

/// Guest memory: which host memory the guest sees at which physical address.
extension VirtualMachine {
    /// What a memory slot is made with.
    public struct MemoryFlags: OptionSet, Sendable {
        /// The bits as the kernel defines them.
        public let rawValue: UInt32
        /// Takes the kernel's bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// `KVM_MEM_LOG_DIRTY_PAGES`: remember which pages the guest wrote.
        public static let logDirtyPages = MemoryFlags(rawValue: 1 << 0)
        /// `KVM_MEM_READONLY`: a guest write is an MMIO exit.
        public static let readOnly = MemoryFlags(rawValue: 1 << 1)
        /// `KVM_MEM_GUEST_MEMFD`: the slot also has a guest_memfd behind it; for `setMemoryRegion2` only.
        public static let guestMemoryFile = MemoryFlags(rawValue: 1 << 2)
    }

    /// Makes, changes or (with a byte count of 0) deletes a memory slot.
    ///
    /// The guest reads and writes the host memory for as long as the slot exists: keep it mapped until the slot is
    /// deleted, or this virtual machine **and all its vCPUs** are gone.
    /// - Parameters:
    ///   - slot: below `System.memorySlotCount()`.
    ///   - flags: read-only, or with a log of the pages written.
    ///   - guestAddress: page-aligned, and overlapping no other slot.
    ///   - byteCount: a multiple of the page size.
    ///   - hostAddress: page-aligned.
    public func setMemoryRegion(
        slot: UInt32, flags: MemoryFlags = [], guestAddress: UInt64, byteCount: UInt64,
        hostAddress: UnsafeMutableRawPointer
    ) throws(KVMError) {
        let region = UserMemoryRegion(
            slot: slot, flags: flags.rawValue, guestAddress: guestAddress, byteCount: byteCount,
            hostAddress: UInt64(UInt(bitPattern: hostAddress)))
        try changeSlot(slot, to: byteCount) { () throws(KVMError) in
            try Ioctl.setUserMemoryRegion.write(region, to: descriptor)
        }
    }

    /// Like `setMemoryRegion`, for a slot that has a guest_memfd behind it too (`KVM_CAP_USER_MEMORY2`, Linux 6.8).
    /// - Parameters:
    ///   - slot: below `System.memorySlotCount()`.
    ///   - flags: as in `setMemoryRegion`; `.guestMemoryFile` is added.
    ///   - guestAddress: page-aligned, and overlapping no other slot.
    ///   - byteCount: a multiple of the page size.
    ///   - hostAddress: page-aligned; where the shared pages are.
    ///   - file: from `createGuestMemoryFile`; the slot keeps it alive.
    ///   - fileOffset: the slot's first byte in the file; page-aligned.
    public func setMemoryRegion(
        slot: UInt32, flags: MemoryFlags = [], guestAddress: UInt64, byteCount: UInt64,
        hostAddress: UnsafeMutableRawPointer, file: borrowing FileDescriptor, fileOffset: UInt64
    ) throws(KVMError) {
        let region = UserMemoryRegion2(
            slot: slot, flags: flags.union(.guestMemoryFile).rawValue, guestAddress: guestAddress, byteCount: byteCount,
            hostAddress: UInt64(UInt(bitPattern: hostAddress)), fileOffset: fileOffset,
            file: UInt32(bitPattern: file.rawValue))
        try changeSlot(slot, to: byteCount) { () throws(KVMError) in
            try Ioctl.setUserMemoryRegion2.write(region, to: descriptor)
        }
    }

    /// Makes memory that belongs to this virtual machine alone (`KVM_CAP_GUEST_MEMFD`, Linux 6.8).
    /// - Parameters:
    ///   - byteCount: a multiple of the page size.
    ///   - flags: `GUEST_MEMFD_FLAG_*`; 1 lets user space map it, 2 begins it shared (Linux 6.18).
    public func createGuestMemoryFile(byteCount: UInt64, flags: UInt64 = 0) throws(KVMError) -> FileDescriptor {
        let request = GuestMemoryFile(byteCount: byteCount, flags: flags)
        return FileDescriptor(owning: try Ioctl.createGuestMemFD.write(request, to: descriptor))
    }

    /// Says which guest addresses are private (`KVM_CAP_MEMORY_ATTRIBUTES`, Linux 6.8).
    /// - Parameters:
    ///   - address: the first guest address, page-aligned.
    ///   - byteCount: a multiple of the page size.
    ///   - attributes: bit 3 (`KVM_MEMORY_ATTRIBUTE_PRIVATE`), or 0 for shared.
    public func setMemoryAttributes(
        address: UInt64, byteCount: UInt64, attributes: UInt64
    ) throws(KVMError) {
        let request = MemoryAttributes(address: address, byteCount: byteCount, attributes: attributes)
        try Ioctl.setMemoryAttributes.write(request, to: descriptor)
    }

    /// Deletes a memory slot; the host memory is the caller's alone again.
    public func deleteMemoryRegion(slot: UInt32) throws(KVMError) {
        let region = UserMemoryRegion(slot: slot, flags: 0, guestAddress: 0, byteCount: 0, hostAddress: 0)
        try changeSlot(slot, to: 0) { () throws(KVMError) in
            try Ioctl.setUserMemoryRegion.write(region, to: descriptor)
        }
    }

    /// Keeps the table of slots in step with the kernel's.
    private func changeSlot(
        _ slot: UInt32, to byteCount: UInt64, _ change: () throws(KVMError) -> Void
    ) throws(KVMError) {
        try slots.withLock { (slots) throws(KVMError) in
            try change()
            slots[slot] = byteCount == 0 ? nil : byteCount
        }
    }
}

/// `struct kvm_userspace_memory_region`.
package struct UserMemoryRegion: BitwiseCopyable {
    package var slot: UInt32
    package var flags: UInt32
    package var guestAddress: UInt64
    package var byteCount: UInt64
    package var hostAddress: UInt64
}

/// `struct kvm_userspace_memory_region2` of Linux 6.8, include/uapi/linux/kvm.h.
package struct UserMemoryRegion2: BitwiseCopyable {
    package var slot: UInt32
    package var flags: UInt32
    package var guestAddress: UInt64
    package var byteCount: UInt64
    package var hostAddress: UInt64
    package var fileOffset: UInt64
    package var file: UInt32
    package var padding1: UInt32 = 0
    package var padding2: [14 of UInt64] = .init(repeating: 0)
}

/// `struct kvm_create_guest_memfd` of Linux 6.8, include/uapi/linux/kvm.h.
package struct GuestMemoryFile: BitwiseCopyable {
    package var byteCount: UInt64
    package var flags: UInt64
    package var reserved: [6 of UInt64] = .init(repeating: 0)
}

/// `struct kvm_memory_attributes` of Linux 6.8, include/uapi/linux/kvm.h.
package struct MemoryAttributes: BitwiseCopyable {
    package var address: UInt64
    package var byteCount: UInt64
    package var attributes: UInt64
    package var flags: UInt64 = 0
}

extension Ioctl {
    /// `KVM_SET_USER_MEMORY_REGION`.
    public static let setUserMemoryRegion =
        Ioctl("KVM_SET_USER_MEMORY_REGION", .write, 0x46, UserMemoryRegion.self)
    /// `KVM_SET_USER_MEMORY_REGION2`, Linux 6.8.
    public static let setUserMemoryRegion2 =
        Ioctl("KVM_SET_USER_MEMORY_REGION2", .write, 0x49, UserMemoryRegion2.self)
    /// `KVM_SET_MEMORY_ATTRIBUTES`, Linux 6.8.
    public static let setMemoryAttributes = Ioctl("KVM_SET_MEMORY_ATTRIBUTES", .write, 0xD2, MemoryAttributes.self)
    /// `KVM_CREATE_GUEST_MEMFD`, Linux 6.8.
    public static let createGuestMemFD = Ioctl("KVM_CREATE_GUEST_MEMFD", .readWrite, 0xD4, GuestMemoryFile.self)

    /// The requests of this file.
    static let memory: [Ioctl] = [
        setUserMemoryRegion, setUserMemoryRegion2, setMemoryAttributes, createGuestMemFD,
    ]
}
