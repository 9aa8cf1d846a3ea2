// SPDX-License-Identifier: Apache-2.0
internal import CKVMIoctls
internal import Synchronization
public import VMMSysUtil

/// A virtual CPU: its registers, and the loop that runs guest code.
///
/// `run()` and everything that touches its exits belong to one thread at a time. Another thread may fire a
/// `kickHandle`; nothing else may be called from there while `run()` is under way (the kernel would make it wait).
public final class VCPU: @unchecked Sendable {
    /// The vCPU's descriptor.
    public let descriptor: FileDescriptor
    /// The id that it was made with.
    public let id: UInt32
    let area: RunArea
    /// The shared area; its first page is `struct kvm_run`.
    package let page: UnsafeMutableRawPointer

    /// Takes over a vCPU's descriptor, such as one received from another process.
    public init(
        adopting descriptor: consuming FileDescriptor, id: UInt32, runAreaByteCount: Int
    ) throws(KVMError) {
        let area = try RunArea(of: descriptor, byteCount: runAreaByteCount)
        self.descriptor = descriptor
        self.id = id
        self.area = area
        page = area.base
    }

    deinit { area.thread.store(0, ordering: .sequentiallyConsistent) }

    /// The means by which other threads end `run()`.
    public var kickHandle: KickHandle { KickHandle(area: area) }

    /// Runs guest code until something happens that the kernel does not handle itself.
    ///
    /// The answer to the last exit (a read's value, say) reaches the guest now. A kick, or any signal that has a
    /// handler, ends it with `.interrupted`.
    /// - Returns: what happened. What it points to is valid until the next `run()`.
    /// - Throws: `.ioctl` if the kernel refused to run, `.malformedAnswer` if it reported nonsense.
    public func run() throws(KVMError) -> Exit {
        let thread = ckvm_thread_id()
        if area.thread.load(ordering: .relaxed) != thread { try area.register(thread: thread) }
        if ckvm_ioctl(descriptor.rawValue, UInt(Ioctl.runCode), 0) >= 0 {
            return try decodeExit(reason: page.load(fromByteOffset: RunArea.Offset.exitReason, as: UInt32.self))
        }
        return try explain(Errno.last)
    }

    /// Lets the guest see the answer to the last exit without running any further, so that saved registers are whole.
    ///
    /// Needed before state is saved after a port or MMIO exit. A kick that comes meanwhile is kept for the next
    /// `run()`.
    /// - Returns: another exit if the instruction needed one more (an access that was split); answer it and call again.
    ///   nil if the guest stands between two instructions.
    public func completeExit() throws(KVMError) -> Exit? {
        area.immediateExit.pointee.bitwiseOr(2, ordering: .sequentiallyConsistent)
        defer { area.immediateExit.pointee.bitwiseAnd(~2, ordering: .sequentiallyConsistent) }
        if ckvm_ioctl(descriptor.rawValue, UInt(Ioctl.runCode), 0) >= 0 {
            return try decodeExit(reason: page.load(fromByteOffset: RunArea.Offset.exitReason, as: UInt32.self))
        }
        let error = Errno.last
        if error == .interrupted { return nil }
        return try explain(error)
    }

    /// Turns on a capability of this vCPU that is off unless asked for.
    public func enable(
        _ capability: Capability, flags: UInt32 = 0, _ first: UInt64 = 0, _ second: UInt64 = 0,
        _ third: UInt64 = 0, _ fourth: UInt64 = 0
    ) throws(KVMError) {
        let request = EnableCapability(capability, flags: flags, first, second, third, fourth)
        try Ioctl.enableCapability.write(request, to: descriptor)
    }

    @inline(never)
    private func explain(_ error: Errno) throws(KVMError) -> Exit {
        switch error {
        case .interrupted:
            // Acquires what the kicking thread released. Only this thread clears the flag, and it reports it at once.
            area.immediateExit.pointee.bitwiseAnd(~1, ordering: .sequentiallyConsistent)
            return .interrupted
        case .wouldBlock:
            // An application processor that waited for its start-up message was woken; it has not run yet.
            return .interrupted
        case .badAddress, .hardwarePoison:
            // KVM_EXIT_MEMORY_FAULT alone comes with a failure; for any other error the reason is a left-over
            // (Documentation/virt/kvm/api.rst, 5). It is wiped, so that it cannot be one for the next failure.
            guard page.load(fromByteOffset: RunArea.Offset.exitReason, as: UInt32.self) == Exit.memoryFaultReason else {
                throw .ioctl(Ioctl.run.name, error)
            }
            page.storeBytes(of: 0, toByteOffset: RunArea.Offset.exitReason, as: UInt32.self)
            return .memoryFault(MemoryFault(page: page, error: error))
        default:
            throw .ioctl(Ioctl.run.name, error)
        }
    }
}

extension Errno {
    /// `EHWPOISON`: the memory page has a hardware error.
    static let hardwarePoison = Errno(rawValue: 133)
}

extension Ioctl {
    /// `KVM_RUN`'s number as a constant: a static is looked up behind a once-token.
    static var runCode: UInt32 { 0xAE80 }
    /// `KVM_RUN`.
    public static let run = Ioctl("KVM_RUN", 0x80)

    /// The requests of this file.
    static let vcpu: [Ioctl] = [run]
}
