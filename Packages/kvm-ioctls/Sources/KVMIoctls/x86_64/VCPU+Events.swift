// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

/// Interrupts, debugging, time and addresses of a vCPU.
extension VCPU {
    /// Queues an external interrupt for a vCPU without an in-kernel local APIC.
    /// - Throws: `ENXIO` with an in-kernel one.
    public func interrupt(vector: UInt8) throws(KVMError) {
        try Ioctl.interrupt.write(UInt32(vector), to: descriptor)
    }

    /// Queues a non-maskable interrupt.
    public func injectNMI() throws(KVMError) { try Ioctl.nmi.call(descriptor) }

    /// Queues a system management interrupt (`KVM_CAP_X86_SMM`).
    public func injectSMI() throws(KVMError) { try Ioctl.smi.call(descriptor) }

    /// What stops the guest for a debugger (`KVM_GUESTDBG_*`).
    public struct DebugControl: OptionSet, Sendable {
        /// The bits as the kernel defines them.
        public let rawValue: UInt32
        /// Takes the kernel's bits.
        public init(rawValue: UInt32) { self.rawValue = rawValue }
        /// Debugging is on; without it all else is ignored.
        public static let enable = DebugControl(rawValue: 1 << 0)
        /// Stop after each instruction.
        public static let singleStep = DebugControl(rawValue: 1 << 1)
        /// Stop at INT3.
        public static let softwareBreakpoints = DebugControl(rawValue: 1 << 16)
        /// Stop at the debug registers' addresses.
        public static let hardwareBreakpoints = DebugControl(rawValue: 1 << 17)
        /// Give the guest a debug exception.
        public static let injectDebug = DebugControl(rawValue: 1 << 18)
        /// Give the guest a breakpoint exception.
        public static let injectBreakpoint = DebugControl(rawValue: 1 << 19)
        /// Keep interrupts away while stepping.
        public static let blockInterrupts = DebugControl(rawValue: 1 << 20)
    }

    /// Says what stops the guest with a `.debug` exit.
    /// - Parameters:
    ///   - control: which of the ways to stop are on; empty for none.
    ///   - breakpoints: the values of DR0 to DR3, for `.hardwareBreakpoints`.
    ///   - control7: the value of DR7.
    public func setGuestDebug(
        _ control: DebugControl, breakpoints: [4 of UInt64] = .init(repeating: 0), control7: UInt64 = 0
    ) throws(KVMError) {
        var request = GuestDebug(control: control.rawValue)
        for index in breakpoints.indices { request.debugRegisters[index] = breakpoints[index] }
        request.debugRegisters[7] = control7
        try Ioctl.setGuestDebug.write(request, to: descriptor)
    }

    /// Where a linear address leads by the guest's page tables.
    /// - Returns: nil if it leads nowhere.
    public func translate(linearAddress: UInt64) throws(KVMError) -> UInt64? {
        var translation = Translation(linearAddress: linearAddress)
        try Ioctl.translate.exchange(&translation, with: descriptor)
        return translation.isValid != 0 ? translation.physicalAddress : nil
    }

    /// The rate of the guest's time-stamp counter.
    public func tscKHz() throws(KVMError) -> UInt32 { UInt32(bitPattern: try Ioctl.getTSCKHz.call(descriptor)) }

    /// Sets the rate of the guest's time-stamp counter (`KVM_CAP_TSC_CONTROL`).
    public func setTSCKHz(_ rate: UInt32) throws(KVMError) { try Ioctl.setTSCKHz.call(descriptor, UInt(rate)) }

    /// Tells the guest that it was stopped, lest it takes the pause for a lock-up.
    /// - Throws: `EINVAL` if the guest does not use the kvm-clock.
    public func notifyGuestPaused() throws(KVMError) { try Ioctl.kvmClockControl.call(descriptor) }

    /// Whether accesses of the local APIC's task priority become exits.
    public func reportTaskPriorityAccess(_ isOn: Bool) throws(KVMError) {
        var request = TaskPriorityReporting(isEnabled: isOn ? 1 : 0)
        try Ioctl.tprAccessReporting.exchange(&request, with: descriptor)
    }

    /// Which signals are blocked while `run()` runs, and only then; nil for the thread's own mask.
    /// - Throws: `.invalidArgument` for a set that holds `SIGURG`, by which kicks come.
    public func setSignalMask(blocking signals: SignalSet?) throws(KVMError) {
        guard let signals else {
            try Ioctl.setSignalMask.call(descriptor)
            return
        }
        guard !signals.contains(.kick) else {
            throw .invalidArgument(Ioctl.setSignalMask.name, reason: "SIGURG ends run() and cannot be blocked")
        }
        let mask = SignalMask(
            low: UInt32(truncatingIfNeeded: signals.rawValue), high: UInt32(truncatingIfNeeded: signals.rawValue >> 32))
        try Ioctl.setSignalMask.write(mask, to: descriptor)
    }

    /// Maps guest memory into this vCPU's tables before the guest touches it (`KVM_CAP_PRE_FAULT_MEMORY`, Linux 6.11).
    /// - Returns: bytes left undone, if a signal came.
    @discardableResult
    public func preFaultMemory(address: UInt64, byteCount: UInt64) throws(KVMError) -> UInt64 {
        var request = PreFaultMemory(address: address, byteCount: byteCount)
        try Ioctl.preFaultMemory.exchange(&request, with: descriptor)
        return request.byteCount
    }
}

/// `struct kvm_guest_debug`.
package struct GuestDebug: BitwiseCopyable {
    package var control: UInt32
    package var padding: UInt32 = 0
    package var debugRegisters: [8 of UInt64] = .init(repeating: 0)
}

/// `struct kvm_translation`.
package struct Translation: BitwiseCopyable {
    package var linearAddress: UInt64
    package var physicalAddress: UInt64 = 0
    package var isValid: UInt8 = 0
    package var isWriteable: UInt8 = 0
    package var isUserMode: UInt8 = 0
    package var padding: [5 of UInt8] = .init(repeating: 0)
}

/// `struct kvm_tpr_access_ctl`.
package struct TaskPriorityReporting: BitwiseCopyable {
    package var isEnabled: UInt32
    package var flags: UInt32 = 0
    package var reserved: [8 of UInt32] = .init(repeating: 0)
}

/// `struct kvm_signal_mask` with the kernel's 8-byte set, which follows the length without a gap.
package struct SignalMask: BitwiseCopyable {
    package var byteCount: UInt32 = 8
    package var low: UInt32
    package var high: UInt32
}

extension Signal {
    /// `SIGURG`, which a kick sends.
    static let kick = Signal(rawValue: 23)
}

/// `struct kvm_pre_fault_memory` of Linux 6.11, include/uapi/linux/kvm.h.
package struct PreFaultMemory: BitwiseCopyable {
    package var address: UInt64
    package var byteCount: UInt64
    package var flags: UInt64 = 0
    package var padding: [5 of UInt64] = .init(repeating: 0)
}

extension Ioctl {
    /// `KVM_TRANSLATE`.
    public static let translate = Ioctl("KVM_TRANSLATE", .readWrite, 0x85, Translation.self)
    /// `KVM_INTERRUPT`.
    public static let interrupt = Ioctl("KVM_INTERRUPT", .write, 0x86, UInt32.self)
    /// `KVM_SET_SIGNAL_MASK`.
    public static let setSignalMask = Ioctl("KVM_SET_SIGNAL_MASK", .write, 0x8B, byteCount: 4)
    /// `KVM_TPR_ACCESS_REPORTING`.
    public static let tprAccessReporting = Ioctl(
        "KVM_TPR_ACCESS_REPORTING", .readWrite, 0x92, TaskPriorityReporting.self)
    /// `KVM_NMI`.
    public static let nmi = Ioctl("KVM_NMI", 0x9A)
    /// `KVM_SET_GUEST_DEBUG`.
    public static let setGuestDebug = Ioctl("KVM_SET_GUEST_DEBUG", .write, 0x9B, GuestDebug.self)
    /// `KVM_SET_TSC_KHZ`.
    public static let setTSCKHz = Ioctl("KVM_SET_TSC_KHZ", 0xA2)
    /// `KVM_GET_TSC_KHZ`.
    public static let getTSCKHz = Ioctl("KVM_GET_TSC_KHZ", 0xA3)
    /// `KVM_KVMCLOCK_CTRL`.
    public static let kvmClockControl = Ioctl("KVM_KVMCLOCK_CTRL", 0xAD)
    /// `KVM_SMI`.
    public static let smi = Ioctl("KVM_SMI", 0xB7)
    /// `KVM_PRE_FAULT_MEMORY`, Linux 6.11.
    public static let preFaultMemory = Ioctl("KVM_PRE_FAULT_MEMORY", .readWrite, 0xD5, PreFaultMemory.self)

    /// The requests of this file.
    static let events: [Ioctl] = [
        translate, interrupt, setSignalMask, tprAccessReporting, nmi, setGuestDebug, setTSCKHz, getTSCKHz,
        kvmClockControl, smi, preFaultMemory,
    ]
}
