// SPDX-License-Identifier: Apache-2.0
internal import CKVMIoctls
internal import Glibc
internal import Synchronization
internal import VMMSysUtil

/// The pages that a vCPU shares with the kernel (`struct kvm_run`), and who is to be woken.
///
/// The vCPU and its kick handles own it together, so that a handle stays safe when the vCPU is gone.
package final class RunArea: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let byteCount: Int
    /// The kernel's id of the thread that last entered `run()`; 0 before the first time and when the vCPU is gone.
    let thread = Atomic<Int32>(0)

    init(of descriptor: borrowing FileDescriptor, byteCount: Int) throws(KVMError) {
        guard byteCount >= Offset.minimumByteCount else { throw .malformedAnswer(Ioctl.getVCPUMapSize.name) }
        let mapped = mmap(nil, byteCount, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor.rawValue, 0)
        guard let mapped, mapped != MAP_FAILED else { throw .mapping(.last) }
        base = mapped
        self.byteCount = byteCount
    }

    deinit { munmap(base, byteCount) }

    /// Offsets in `struct kvm_run`.
    package enum Offset {
        package static let requestInterruptWindow = 0
        package static let immediateExit = 1
        package static let exitReason = 8
        package static let readyForInterrupt = 12
        package static let interruptFlag = 13
        package static let flags = 14
        package static let cr8 = 16
        package static let apicBase = 24
        /// The union that holds the exit's payload, 256 bytes long.
        package static let payload = 32
        package static let validRegisters = 288
        package static let dirtyRegisters = 296
        package static let synchronizedRegisters = 304
        package static let minimumByteCount = 304 + 2048
    }

    /// `immediate_exit`, which other threads may write while the guest runs.
    ///
    /// The kernel asks only whether it is zero. Bit 0 is a kick; bit 1 is the owner's wish to finish an exit without
    /// entering the guest, kept apart so that clearing the one never loses the other.
    var immediateExit: UnsafeMutablePointer<Atomic<UInt8>> {
        (base + Offset.immediateExit).assumingMemoryBound(to: Atomic<UInt8>.self)
    }

    /// Makes `run()` on the calling thread interruptible.
    @inline(never)
    func register(thread number: Int32) throws(KVMError) {
        let error = ckvm_prepare_kick_signal()
        guard error == 0 else { throw .kickSignal(Errno(rawValue: error)) }
        // A full barrier: a kick that does not see this thread has set immediate_exit before the kernel reads it.
        thread.store(number, ordering: .sequentiallyConsistent)
        atomicMemoryFence(ordering: .sequentiallyConsistent)
    }

    func kick() {
        immediateExit.pointee.bitwiseOr(1, ordering: .sequentiallyConsistent)
        let number = thread.load(ordering: .sequentiallyConsistent)
        if number != 0 { ckvm_kick_thread(number) }
    }
}
