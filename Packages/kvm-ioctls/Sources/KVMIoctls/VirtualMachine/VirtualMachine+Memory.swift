// SPDX-License-Identifier: Apache-2.0

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
        try Ioctl.setUserMemoryRegion.write(region, to: descriptor)
    }

    /// Deletes a memory slot; the host memory is the caller's alone again.
    public func deleteMemoryRegion(slot: UInt32) throws(KVMError) {
        let region = UserMemoryRegion(slot: slot, flags: 0, guestAddress: 0, byteCount: 0, hostAddress: 0)
        try Ioctl.setUserMemoryRegion.write(region, to: descriptor)
    }
}

/// `struct kvm_userspace_memory_region`.
struct UserMemoryRegion: BitwiseCopyable {
    var slot: UInt32
    var flags: UInt32
    var guestAddress: UInt64
    var byteCount: UInt64
    var hostAddress: UInt64
}

extension Ioctl {
    /// `KVM_SET_USER_MEMORY_REGION`.
    public static let setUserMemoryRegion =
        Ioctl("KVM_SET_USER_MEMORY_REGION", .write, 0x46, UserMemoryRegion.self)

    /// The requests of this file.
    static let memory: [Ioctl] = [setUserMemoryRegion]
}
