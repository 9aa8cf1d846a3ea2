// SPDX-License-Identifier: Apache-2.0

/// Interrupt controllers, timer and the addresses that an x86 virtual machine needs.
extension VirtualMachine {
    /// Makes the PICs, the IOAPIC and (with each vCPU made later) a local APIC in the kernel. Before the first vCPU.
    public func createInterruptControllers() throws(KVMError) { try Ioctl.createIRQChip.call(descriptor) }

    /// Keeps only the local APICs in the kernel; user space does the IOAPIC (`KVM_CAP_SPLIT_IRQCHIP`). Before the first
    /// vCPU.
    /// - Parameter ioapicPinCount: interrupt routes whose acknowledgement becomes an exit.
    public func createSplitInterruptController(ioapicPinCount: UInt32 = 24) throws(KVMError) {
        try enable(.splitIRQChip, UInt64(ioapicPinCount))
    }

    /// Makes the interval timer in the kernel. After the interrupt controllers.
    /// - Parameter handlesSpeakerPort: also answer port 0x61 (`KVM_PIT_SPEAKER_DUMMY`), which else is an exit.
    public func createPIT(handlesSpeakerPort: Bool = true) throws(KVMError) {
        try Ioctl.createPIT2.write(PITConfiguration(flags: handlesSpeakerPort ? 1 : 0), to: descriptor)
    }

    /// Says which three pages below 4 GiB Intel's hardware may use for itself; no memory slot may be there.
    public func setTSSAddress(_ address: UInt64) throws(KVMError) {
        try Ioctl.setTSSAddress.call(descriptor, UInt(address))
    }

    /// Says which page below 4 GiB holds an identity page table that Intel's hardware needs. Before the first vCPU.
    public func setIdentityMapAddress(_ address: UInt64) throws(KVMError) {
        try Ioctl.setIdentityMapAddress.write(address, to: descriptor)
    }

    /// The vCPU that starts without a start-up message. Before the first vCPU.
    public func setBootVCPU(id: UInt32) throws(KVMError) { try Ioctl.setBootCPUID.call(descriptor, UInt(id)) }

    /// The state of a PIC; nil for the IOAPIC.
    public func pic(_ id: InterruptControllerID) throws(KVMError) -> PIC? {
        guard id != .ioapic else { return nil }
        return try interruptController(id).state(as: PIC.self)
    }

    /// The state of the IOAPIC.
    public func ioapic() throws(KVMError) -> IOAPIC { try interruptController(.ioapic).state(as: IOAPIC.self) }

    private func interruptController(_ id: InterruptControllerID) throws(KVMError) -> InterruptControllerState {
        var state = InterruptControllerState(id)
        try Ioctl.getIRQChip.exchange(&state, with: descriptor)
        return state
    }

    /// Restores a PIC.
    public func setPIC(_ id: InterruptControllerID, to pic: PIC) throws(KVMError) {
        guard id != .ioapic else {
            throw .invalidArgument(Ioctl.setIRQChip.name, reason: "the IOAPIC takes no PIC state")
        }
        var state = InterruptControllerState(id)
        state.setState(pic)
        try Ioctl.setIRQChip.write(state, to: descriptor)
    }

    /// Restores the IOAPIC.
    public func setIOAPIC(_ ioapic: IOAPIC) throws(KVMError) {
        var state = InterruptControllerState(.ioapic)
        state.setState(ioapic)
        try Ioctl.setIRQChip.write(state, to: descriptor)
    }

    /// The state of the interval timer.
    public func pit() throws(KVMError) -> PIT { try Ioctl.getPIT2.read(from: descriptor) }

    /// Restores the interval timer.
    public func setPIT(_ pit: PIT) throws(KVMError) { try Ioctl.setPIT2.write(pit, to: descriptor) }

    /// Whether timer interrupts that the guest missed come later (`true`, as at first) or not at all.
    public func setPITReinjection(_ isOn: Bool) throws(KVMError) {
        try Ioctl.reinjectControl.write(ReinjectControl(pit: isOn ? 1 : 0), to: descriptor)
    }

    /// The guest's clock (`struct kvm_clock_data`).
    public func clock() throws(KVMError) -> Clock { try Ioctl.getClock.read(from: descriptor) }

    /// Sets the guest's clock, as after a restore.
    public func setClock(_ clock: Clock) throws(KVMError) { try Ioctl.setClock.write(clock, to: descriptor) }
}

/// The clock that the guest's kvm-clock reads (`struct kvm_clock_data`).
public struct Clock: KVMStructure {
    /// What the guest's clock says, in nanoseconds.
    public var nanoseconds: UInt64 = 0
    /// `KVM_CLOCK_*`: 2 stable, 4 `realTime` counts, 8 `hostTSC` counts.
    public var flags: UInt32 = 0
    var padding0: UInt32 = 0
    /// The host's wall clock at that moment, in nanoseconds.
    public var realTime: UInt64 = 0
    /// The host's time-stamp counter at that moment.
    public var hostTSC: UInt64 = 0
    var padding: [4 of UInt32] = .init(repeating: 0)

    /// All zero.
    public init() {}
}

/// `struct kvm_pit_config`.
package struct PITConfiguration: BitwiseCopyable {
    package var flags: UInt32
    package var padding: [15 of UInt32] = .init(repeating: 0)
}

/// `struct kvm_reinject_control`.
package struct ReinjectControl: BitwiseCopyable {
    package var pit: UInt8
    package var reserved: [31 of UInt8] = .init(repeating: 0)
}

extension Ioctl {
    /// `KVM_SET_TSS_ADDR`.
    public static let setTSSAddress = Ioctl("KVM_SET_TSS_ADDR", 0x47)
    /// `KVM_SET_IDENTITY_MAP_ADDR`.
    public static let setIdentityMapAddress = Ioctl("KVM_SET_IDENTITY_MAP_ADDR", .write, 0x48, UInt64.self)
    /// `KVM_CREATE_IRQCHIP`.
    public static let createIRQChip = Ioctl("KVM_CREATE_IRQCHIP", 0x60)
    /// `KVM_GET_IRQCHIP`.
    public static let getIRQChip = Ioctl("KVM_GET_IRQCHIP", .readWrite, 0x62, InterruptControllerState.self)
    /// `KVM_SET_IRQCHIP`; declared as a read by the kernel.
    public static let setIRQChip = Ioctl("KVM_SET_IRQCHIP", .read, 0x63, InterruptControllerState.self)
    /// `KVM_REINJECT_CONTROL`; declared without its structure by the kernel.
    public static let reinjectControl = Ioctl("KVM_REINJECT_CONTROL", 0x71)
    /// `KVM_CREATE_PIT2`.
    public static let createPIT2 = Ioctl("KVM_CREATE_PIT2", .write, 0x77, PITConfiguration.self)
    /// `KVM_SET_BOOT_CPU_ID`.
    public static let setBootCPUID = Ioctl("KVM_SET_BOOT_CPU_ID", 0x78)
    /// `KVM_SET_CLOCK`.
    public static let setClock = Ioctl("KVM_SET_CLOCK", .write, 0x7B, Clock.self)
    /// `KVM_GET_CLOCK`.
    public static let getClock = Ioctl("KVM_GET_CLOCK", .read, 0x7C, Clock.self)
    /// `KVM_GET_PIT2`.
    public static let getPIT2 = Ioctl("KVM_GET_PIT2", .read, 0x9F, PIT.self)
    /// `KVM_SET_PIT2`.
    public static let setPIT2 = Ioctl("KVM_SET_PIT2", .write, 0xA0, PIT.self)

    /// The requests of this file.
    static let x86VirtualMachine: [Ioctl] = [
        setTSSAddress, setIdentityMapAddress, createIRQChip, getIRQChip, setIRQChip, reinjectControl, createPIT2,
        setBootCPUID, setClock, getClock, getPIT2, setPIT2,
    ]
}
