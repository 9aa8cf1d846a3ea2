// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

/// Registers and the rest of a vCPU's state, read and written while it is not running.
extension VCPU {
    /// The general-purpose registers.
    public func registers() throws(KVMError) -> Registers { try Ioctl.getRegs.read(from: descriptor) }

    /// Sets the general-purpose registers.
    public func setRegisters(_ value: Registers) throws(KVMError) { try Ioctl.setRegs.write(value, to: descriptor) }

    /// The segment, control and table registers.
    public func specialRegisters() throws(KVMError) -> SpecialRegisters { try Ioctl.getSRegs.read(from: descriptor) }

    /// Sets the segment, control and table registers.
    public func setSpecialRegisters(_ value: SpecialRegisters) throws(KVMError) {
        try Ioctl.setSRegs.write(value, to: descriptor)
    }

    /// The special registers with the PAE pointers (`KVM_CAP_SREGS2`).
    public func specialRegisters2() throws(KVMError) -> SpecialRegisters2 { try Ioctl.getSRegs2.read(from: descriptor) }

    /// Sets the special registers with the PAE pointers (`KVM_CAP_SREGS2`).
    public func setSpecialRegisters2(_ value: SpecialRegisters2) throws(KVMError) {
        try Ioctl.setSRegs2.write(value, to: descriptor)
    }

    /// The floating-point registers.
    public func fpu() throws(KVMError) -> FPU { try Ioctl.getFPU.read(from: descriptor) }

    /// Sets the floating-point registers.
    public func setFPU(_ value: FPU) throws(KVMError) { try Ioctl.setFPU.write(value, to: descriptor) }

    /// The local APIC.
    /// - Throws: `EINVAL` unless the interrupt controllers (or a split one) were made before the vCPU.
    public func localAPIC() throws(KVMError) -> LocalAPIC { try Ioctl.getLAPIC.read(from: descriptor) }

    /// Sets the local APIC.
    public func setLocalAPIC(_ value: LocalAPIC) throws(KVMError) { try Ioctl.setLAPIC.write(value, to: descriptor) }

    /// Exceptions and interrupts under way.
    public func events() throws(KVMError) -> VCPUEvents { try Ioctl.getVCPUEvents.read(from: descriptor) }

    /// Sets the exceptions and interrupts under way.
    public func setEvents(_ value: VCPUEvents) throws(KVMError) { try Ioctl.setVCPUEvents.write(value, to: descriptor) }

    /// The debug registers.
    public func debugRegisters() throws(KVMError) -> DebugRegisters { try Ioctl.getDebugRegs.read(from: descriptor) }

    /// Sets the debug registers.
    public func setDebugRegisters(_ value: DebugRegisters) throws(KVMError) {
        try Ioctl.setDebugRegs.write(value, to: descriptor)
    }

    /// The extended control registers.
    public func extendedControlRegisters() throws(KVMError) -> ExtendedControlRegisters {
        try Ioctl.getXCRs.read(from: descriptor)
    }

    /// Sets the extended control registers.
    public func setExtendedControlRegisters(_ value: ExtendedControlRegisters) throws(KVMError) {
        try Ioctl.setXCRs.write(value, to: descriptor)
    }

    /// Whether the vCPU runs, halts or waits to be started.
    public func state() throws(KVMError) -> VCPUState {
        VCPUState(rawValue: try Ioctl.getMPState.read(UInt32Value.self, from: descriptor).value)
    }

    /// Sets whether the vCPU runs, halts or waits to be started.
    public func setState(_ state: VCPUState) throws(KVMError) {
        try Ioctl.setMPState.write(state.rawValue, to: descriptor)
    }
}

/// Whether a vCPU runs (`struct kvm_mp_state`).
public struct VCPUState: RawRepresentable, Hashable, Sendable {
    /// `KVM_MP_STATE_*`.
    public let rawValue: UInt32
    /// Takes the kernel's number.
    public init(rawValue: UInt32) { self.rawValue = rawValue }
    /// It runs.
    public static let runnable = VCPUState(rawValue: 0)
    /// It waits for INIT: an application processor at first.
    public static let uninitialized = VCPUState(rawValue: 1)
    /// It got INIT and waits for its start-up message.
    public static let initReceived = VCPUState(rawValue: 2)
    /// It executed HLT and waits for an interrupt.
    public static let halted = VCPUState(rawValue: 3)
    /// It got its start-up message.
    public static let sipiReceived = VCPUState(rawValue: 4)
}

/// A structure that is one 32-bit number.
package struct UInt32Value: KVMStructure {
    package var value: UInt32 = 0

    package init() {}
}

extension Ioctl {
    /// `KVM_GET_REGS`.
    public static let getRegs = Ioctl("KVM_GET_REGS", .read, 0x81, Registers.self)
    /// `KVM_SET_REGS`.
    public static let setRegs = Ioctl("KVM_SET_REGS", .write, 0x82, Registers.self)
    /// `KVM_GET_SREGS`.
    public static let getSRegs = Ioctl("KVM_GET_SREGS", .read, 0x83, SpecialRegisters.self)
    /// `KVM_SET_SREGS`.
    public static let setSRegs = Ioctl("KVM_SET_SREGS", .write, 0x84, SpecialRegisters.self)
    /// `KVM_GET_FPU`.
    public static let getFPU = Ioctl("KVM_GET_FPU", .read, 0x8C, FPU.self)
    /// `KVM_SET_FPU`.
    public static let setFPU = Ioctl("KVM_SET_FPU", .write, 0x8D, FPU.self)
    /// `KVM_GET_LAPIC`.
    public static let getLAPIC = Ioctl("KVM_GET_LAPIC", .read, 0x8E, LocalAPIC.self)
    /// `KVM_SET_LAPIC`.
    public static let setLAPIC = Ioctl("KVM_SET_LAPIC", .write, 0x8F, LocalAPIC.self)
    /// `KVM_GET_MP_STATE`.
    public static let getMPState = Ioctl("KVM_GET_MP_STATE", .read, 0x98, UInt32.self)
    /// `KVM_SET_MP_STATE`.
    public static let setMPState = Ioctl("KVM_SET_MP_STATE", .write, 0x99, UInt32.self)
    /// `KVM_GET_VCPU_EVENTS`.
    public static let getVCPUEvents = Ioctl("KVM_GET_VCPU_EVENTS", .read, 0x9F, VCPUEvents.self)
    /// `KVM_SET_VCPU_EVENTS`.
    public static let setVCPUEvents = Ioctl("KVM_SET_VCPU_EVENTS", .write, 0xA0, VCPUEvents.self)
    /// `KVM_GET_DEBUGREGS`.
    public static let getDebugRegs = Ioctl("KVM_GET_DEBUGREGS", .read, 0xA1, DebugRegisters.self)
    /// `KVM_SET_DEBUGREGS`.
    public static let setDebugRegs = Ioctl("KVM_SET_DEBUGREGS", .write, 0xA2, DebugRegisters.self)
    /// `KVM_GET_XCRS`.
    public static let getXCRs = Ioctl("KVM_GET_XCRS", .read, 0xA6, ExtendedControlRegisters.self)
    /// `KVM_SET_XCRS`.
    public static let setXCRs = Ioctl("KVM_SET_XCRS", .write, 0xA7, ExtendedControlRegisters.self)
    /// `KVM_GET_SREGS2`.
    public static let getSRegs2 = Ioctl("KVM_GET_SREGS2", .read, 0xCC, SpecialRegisters2.self)
    /// `KVM_SET_SREGS2`.
    public static let setSRegs2 = Ioctl("KVM_SET_SREGS2", .write, 0xCD, SpecialRegisters2.self)

    /// The requests of this file.
    static let state: [Ioctl] = [
        getRegs, setRegs, getSRegs, setSRegs, getFPU, setFPU, getLAPIC, setLAPIC, getMPState, setMPState,
        getVCPUEvents, setVCPUEvents, getDebugRegs, setDebugRegs, getXCRs, setXCRs, getSRegs2, setSRegs2,
    ]
}
