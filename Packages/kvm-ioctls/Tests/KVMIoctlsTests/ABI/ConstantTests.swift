// SPDX-License-Identifier: Apache-2.0
import CKVMIoctlsABI
import KVMIoctls
import Testing

@Suite("Flags and kinds against the installed kernel headers, without /dev/kvm")
struct ConstantTests {
    static let rows: [(String, UInt64)] = [
        ("KVM_MEM_LOG_DIRTY_PAGES", UInt64(VirtualMachine.MemoryFlags.logDirtyPages.rawValue)),
        ("KVM_MEM_READONLY", UInt64(VirtualMachine.MemoryFlags.readOnly.rawValue)),
        ("KVM_GUESTDBG_ENABLE", UInt64(VCPU.DebugControl.enable.rawValue)),
        ("KVM_GUESTDBG_SINGLESTEP", UInt64(VCPU.DebugControl.singleStep.rawValue)),
        ("KVM_GUESTDBG_USE_SW_BP", UInt64(VCPU.DebugControl.softwareBreakpoints.rawValue)),
        ("KVM_GUESTDBG_USE_HW_BP", UInt64(VCPU.DebugControl.hardwareBreakpoints.rawValue)),
        ("KVM_GUESTDBG_INJECT_DB", UInt64(VCPU.DebugControl.injectDebug.rawValue)),
        ("KVM_GUESTDBG_INJECT_BP", UInt64(VCPU.DebugControl.injectBreakpoint.rawValue)),
        ("KVM_GUESTDBG_BLOCKIRQ", UInt64(VCPU.DebugControl.blockInterrupts.rawValue)),
        ("KVM_SYNC_X86_REGS", RegisterSets.general.rawValue), ("KVM_SYNC_X86_SREGS", RegisterSets.special.rawValue),
        ("KVM_SYNC_X86_EVENTS", RegisterSets.events.rawValue),
        ("KVM_MSR_FILTER_READ", UInt64(MSRFilterRange.Access.read.rawValue)),
        ("KVM_MSR_FILTER_WRITE", UInt64(MSRFilterRange.Access.write.rawValue)),
        ("KVM_MSR_FILTER_MAX_RANGES", UInt64(MSRFilterRange.maximumCount)),
        ("KVM_MSR_EXIT_REASON_INVAL", UInt64(MSRExitReason.invalid.rawValue)),
        ("KVM_MSR_EXIT_REASON_UNKNOWN", UInt64(MSRExitReason.unknown.rawValue)),
        ("KVM_MSR_EXIT_REASON_FILTER", UInt64(MSRExitReason.filter.rawValue)),
        ("KVM_MP_STATE_RUNNABLE", UInt64(VCPUState.runnable.rawValue)),
        ("KVM_MP_STATE_UNINITIALIZED", UInt64(VCPUState.uninitialized.rawValue)),
        ("KVM_MP_STATE_INIT_RECEIVED", UInt64(VCPUState.initReceived.rawValue)),
        ("KVM_MP_STATE_HALTED", UInt64(VCPUState.halted.rawValue)),
        ("KVM_MP_STATE_SIPI_RECEIVED", UInt64(VCPUState.sipiReceived.rawValue)),
        ("KVM_IRQCHIP_PIC_MASTER", UInt64(InterruptControllerID.picMaster.rawValue)),
        ("KVM_IRQCHIP_PIC_SLAVE", UInt64(InterruptControllerID.picSlave.rawValue)),
        ("KVM_IRQCHIP_IOAPIC", UInt64(InterruptControllerID.ioapic.rawValue)),
        ("KVM_CPUID_FLAG_SIGNIFCANT_INDEX", UInt64(CPUID.Entry.significantIndex)),
        ("KVM_DEV_TYPE_VFIO", UInt64(Device.Kind.vfio.rawValue)),
        ("KVM_DEV_VFIO_GROUP", UInt64(DeviceAttribute<Int32>.addVFIOGroup.group)),
        ("KVM_DEV_VFIO_GROUP_ADD", DeviceAttribute<Int32>.addVFIOGroup.attribute),
        ("KVM_DEV_VFIO_GROUP_DEL", DeviceAttribute<Int32>.removeVFIOGroup.attribute),
    ]

    @Test("Every flag has the kernel's value", arguments: rows)
    func value(name: String, ours: UInt64) { #expect(ckvm_constant(name) == Int(ours), "\(name)") }
}
