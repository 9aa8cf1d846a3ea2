// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import Synchronization
internal import VMMSysUtil

/// A vCPU's ring of pages that the guest wrote (`KVM_CAP_DIRTY_LOG_RING`, or `_ACQ_REL`).
///
/// Enable the capability on the virtual machine, with the ring's size in bytes, before the first vCPU. Harvest from one
/// thread at a time; then `VirtualMachine.resetDirtyRings()` watches the pages again.
public final class DirtyRing: @unchecked Sendable {
    private let base: UnsafeMutableRawPointer
    private let entryCount: Int
    private var next = 0

    /// A page that the guest wrote.
    public struct Page: Hashable, Sendable {
        /// The memory slot; the address space is in the upper 16 bits.
        public let slot: UInt32
        /// The page's number in the slot.
        public let number: UInt64
    }

    /// Maps a vCPU's ring.
    /// - Parameters:
    ///   - vcpu: whose writes to see; each vCPU has a ring of its own.
    ///   - byteCount: what the capability was enabled with.
    public init(of vcpu: VCPU, byteCount: Int) throws(KVMError) {
        let pageOffset = 64  // KVM_DIRTY_LOG_PAGE_OFFSET
        let mapped = mmap(
            nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu.descriptor.rawValue,
            pageOffset * Int(getpagesize()))
        guard let mapped, mapped != MAP_FAILED else { throw .mapping(.last) }
        base = mapped
        entryCount = byteCount / DirtyRing.entryByteCount
    }

    deinit { munmap(base, entryCount * DirtyRing.entryByteCount) }

    /// Takes the pages that the guest has written since the last time, never more than the ring holds.
    /// - Returns: how many.
    @discardableResult
    public func harvest(_ body: (Page) -> Void) -> Int {
        for taken in 0..<entryCount {
            // struct kvm_dirty_gfn: flags, slot, offset. The flag is acquired before the rest is read, and released
            // after (api.rst, 8.29).
            let entry = base + next * DirtyRing.entryByteCount
            let flags = entry.assumingMemoryBound(to: Atomic<UInt32>.self)
            guard flags.pointee.load(ordering: .acquiring) & 3 == 1 else { return taken }
            let page = Page(
                slot: entry.load(fromByteOffset: 4, as: UInt32.self),
                number: entry.load(fromByteOffset: 8, as: UInt64.self))
            flags.pointee.store(2, ordering: .releasing)
            next = next + 1 == entryCount ? 0 : next + 1
            body(page)
        }
        return entryCount
    }

    private static let entryByteCount = 16
}
