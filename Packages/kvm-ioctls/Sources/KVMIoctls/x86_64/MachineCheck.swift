// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

/// A hardware error that a guest is to be told of (`struct kvm_x86_mce`).
public struct MachineCheck: KVMStructure {
    /// The bank's status register.
    public var status: UInt64 = 0
    /// Where it happened, if the status says that this counts.
    public var address: UInt64 = 0
    /// More, if the status says that this counts.
    public var miscellaneous: UInt64 = 0
    /// The global status register.
    public var globalStatus: UInt64 = 0
    /// The bank.
    public var bank: UInt8 = 0
    package var padding1: [7 of UInt8] = .init(repeating: 0)
    package var padding2: [3 of UInt64] = .init(repeating: 0)

    /// All zero.
    public init() {}
}

extension System {
    /// What machine-check features a guest may have, as its capability register says them (`KVM_CAP_MCE`).
    public func machineCheckCapability() throws(KVMError) -> UInt64 {
        var value: UInt64 = 0
        try Ioctl.getMCECapability.exchange(&value, with: descriptor)
        return value
    }

    /// The CPUID leaves by which a guest finds Hyper-V's interfaces (`KVM_CAP_SYS_HYPERV_CPUID`).
    /// - Throws: `E2BIG` if there are more entries than `capacity`, `.tooManyEntries` above 256.
    public func supportedHyperVCPUID(capacity: Int = CPUID.maximumCount) throws(KVMError) -> CPUID {
        try CPUID.fetch(capacity: capacity, .getSupportedHVCPUID) { (list) throws(KVMError) in
            try Ioctl.getSupportedHVCPUID.call(descriptor, list)
        }
    }
}

extension VCPU {
    /// Gives the guest machine-check banks; before `injectMachineCheck`.
    /// - Parameter capability: of `System.machineCheckCapability()` what the guest is to have, with the number of banks in
    ///   the low 8 bits.
    public func setUpMachineCheck(capability: UInt64) throws(KVMError) {
        try Ioctl.setUpMCE.write(capability, to: descriptor)
    }

    /// Tells the guest of a hardware error.
    public func injectMachineCheck(_ check: MachineCheck) throws(KVMError) {
        try Ioctl.setMCE.write(check, to: descriptor)
    }
}

extension Ioctl {
    /// `KVM_X86_SETUP_MCE`.
    public static let setUpMCE = Ioctl("KVM_X86_SETUP_MCE", .write, 0x9C, UInt64.self)
    /// `KVM_X86_GET_MCE_CAP_SUPPORTED`.
    public static let getMCECapability = Ioctl("KVM_X86_GET_MCE_CAP_SUPPORTED", .read, 0x9D, UInt64.self)
    /// `KVM_X86_SET_MCE`.
    public static let setMCE = Ioctl("KVM_X86_SET_MCE", .write, 0x9E, MachineCheck.self)
    /// `KVM_GET_SUPPORTED_HV_CPUID`.
    public static let getSupportedHVCPUID = Ioctl("KVM_GET_SUPPORTED_HV_CPUID", .readWrite, 0xC1, byteCount: 8)

    /// The requests of this file.
    static let machineCheck: [Ioctl] = [setUpMCE, getMCECapability, setMCE, getSupportedHVCPUID]
}
