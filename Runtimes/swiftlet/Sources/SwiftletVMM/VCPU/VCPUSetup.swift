// SPDX-License-Identifier: Apache-2.0
internal import KVMIoctls
internal import LinuxLoader

/// Brings a new vCPU into the state of a processor after power-on, as firmware would leave it.
enum VCPUSetup {
    /// - Parameter entry: where the first vCPU starts; nil for the others.
    static func apply(
        to vcpu: VCPU, cpuid: CPUID, count: Int, entry: EntryPoint?
    ) throws(MachineError) {
        do throws(KVMError) {
            try vcpu.setCPUID(CPUIDPolicy.apply(cpuid, id: vcpu.id, count: count))
            try vcpu.setMSRs(bootMSRs)
            var fpu = FPU()
            fpu.fcw = 0x37F
            fpu.mxcsr = 0x1F80
            try vcpu.setFPU(fpu)
            var apic = try vcpu.localAPIC()
            // LINT0 takes the legacy controller's interrupts, LINT1 the NMI.
            _ = apic.setRegister(at: 0x350, to: 0x700)
            _ = apic.setRegister(at: 0x360, to: 0x400)
            try vcpu.setLocalAPIC(apic)
        } catch {
            throw .kvm(error)
        }
        guard let entry else { return }
        let initial: SpecialRegisters
        do { initial = try vcpu.specialRegisters() } catch { throw .kvm(error) }
        let state = try EntryState(entry, initial: initial)
        do { try state.apply(to: vcpu) } catch { throw .kvm(error) }
    }

    /// Memory types write-back by default, else some guests take RAM for uncached; fast string operations on.
    private static let bootMSRs = [
        MSR(index: 0x1A0, value: 1),  // IA32_MISC_ENABLE
        MSR(index: 0x2FF, value: 0x806),  // IA32_MTRR_DEF_TYPE
    ]
}
