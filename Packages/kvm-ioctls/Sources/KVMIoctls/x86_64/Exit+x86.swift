// SPDX-License-Identifier: Apache-2.0

/// Where a guest under debug stopped (`struct kvm_debug_exit_arch`).
public struct DebugStop: Equatable, Sendable {
    /// The exception's vector: 1 for a step or a hardware breakpoint, 3 for a software breakpoint.
    public let exception: UInt32
    /// The linear address of the instruction.
    public let pc: UInt64
    /// Debug status register, which tells a step from a breakpoint.
    public let dr6: UInt64
    /// Debug control register.
    public let dr7: UInt64
}

/// Why a register access came to user space (`KVM_MSR_EXIT_REASON_*`).
public struct MSRExitReason: OptionSet, Sendable {
    /// The bits as the kernel defines them.
    public let rawValue: UInt32
    /// Takes the kernel's bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// The access was invalid and would have been a fault.
    public static let invalid = MSRExitReason(rawValue: 1 << 0)
    /// KVM does not know the register.
    public static let unknown = MSRExitReason(rawValue: 1 << 1)
    /// A filter denies it.
    public static let filter = MSRExitReason(rawValue: 1 << 2)
}

/// A guest's `RDMSR` that user space answers.
public struct MSRRead {
    private let page: UnsafeMutableRawPointer
    /// The register.
    public let index: UInt32
    /// Why it came here.
    public let reason: MSRExitReason

    init(page: UnsafeMutableRawPointer) {
        self.page = page
        reason = MSRExitReason(rawValue: page.payload(8))
        index = page.payload(12)
    }

    /// Gives the guest a value.
    public func answer(_ value: UInt64) {
        page.storeBytes(of: 0, toByteOffset: RunArea.Offset.payload, as: UInt8.self)
        page.storeBytes(of: value, toByteOffset: RunArea.Offset.payload + 16, as: UInt64.self)
    }

    /// Gives the guest a general protection fault.
    public func fault() { page.storeBytes(of: 1, toByteOffset: RunArea.Offset.payload, as: UInt8.self) }
}

/// A guest's `WRMSR` that user space judges. Left alone, it counts as done.
public struct MSRWrite {
    private let page: UnsafeMutableRawPointer
    /// The register.
    public let index: UInt32
    /// Why it came here.
    public let reason: MSRExitReason
    /// What the guest wrote.
    public let value: UInt64

    init(page: UnsafeMutableRawPointer) {
        self.page = page
        reason = MSRExitReason(rawValue: page.payload(8))
        index = page.payload(12)
        value = page.payload(16)
    }

    /// Gives the guest a general protection fault.
    public func fault() { page.storeBytes(of: 1, toByteOffset: RunArea.Offset.payload, as: UInt8.self) }
}

/// A Hyper-V interface that the guest touched (`struct kvm_hyperv_exit`).
public enum HyperVExit: Equatable, Sendable {
    /// It configured its synthetic interrupt controller.
    case syntheticInterruptController(msr: UInt32, control: UInt64, eventPage: UInt64, messagePage: UInt64)
    /// It made a hypercall; the result is answered through `VCPU.answerHyperVCall`.
    case hypercall(input: UInt64, first: UInt64, second: UInt64)
    /// It configured the synthetic debugger.
    case syntheticDebugger(
        msr: UInt32, control: UInt64, status: UInt64, sendPage: UInt64, receivePage: UInt64, pendingPage: UInt64)
    /// A number that this version does not know.
    case other(UInt32)

    init(page: UnsafeMutableRawPointer) {
        let type = page.payload(0, UInt32.self)
        switch type {
        case 1:
            self = .syntheticInterruptController(
                msr: page.payload(8), control: page.payload(16), eventPage: page.payload(24),
                messagePage: page.payload(32))
        case 2:
            self = .hypercall(input: page.payload(8), first: page.payload(24), second: page.payload(32))
        case 3:
            self = .syntheticDebugger(
                msr: page.payload(8), control: page.payload(16), status: page.payload(24), sendPage: page.payload(32),
                receivePage: page.payload(40), pendingPage: page.payload(48))
        default: self = .other(type)
        }
    }
}

extension VCPU {
    /// Gives the result of a Hyper-V hypercall, before the next `run()`.
    public func answerHyperVCall(_ result: UInt64) {
        page.storeBytes(of: result, toByteOffset: RunArea.Offset.payload + 16, as: UInt64.self)
    }
}
