// SPDX-License-Identifier: Apache-2.0

/// Something that a kernel's KVM may be able to do, by the number that `KVM_CHECK_EXTENSION` takes.
public struct Capability: Hashable, Sendable {
    /// The kernel's name, such as `KVM_CAP_IRQFD`.
    public let name: String
    /// The kernel's number.
    public let rawValue: UInt32

    /// A capability that this version does not name.
    public init(_ name: String, _ rawValue: UInt32) {
        self.name = name
        self.rawValue = rawValue
    }
}

/// Up to number 120.
extension Capability {
    /// `KVM_CAP_IRQCHIP`.
    public static let irqChip = Capability("KVM_CAP_IRQCHIP", 0)
    /// `KVM_CAP_HLT`.
    public static let hlt = Capability("KVM_CAP_HLT", 1)
    /// `KVM_CAP_MMU_SHADOW_CACHE_CONTROL`.
    public static let mmuShadowCacheControl = Capability("KVM_CAP_MMU_SHADOW_CACHE_CONTROL", 2)
    /// `KVM_CAP_USER_MEMORY`.
    public static let userMemory = Capability("KVM_CAP_USER_MEMORY", 3)
    /// `KVM_CAP_SET_TSS_ADDR`.
    public static let setTSSAddress = Capability("KVM_CAP_SET_TSS_ADDR", 4)
    /// `KVM_CAP_VAPIC`.
    public static let vapic = Capability("KVM_CAP_VAPIC", 6)
    /// `KVM_CAP_EXT_CPUID`.
    public static let extCPUID = Capability("KVM_CAP_EXT_CPUID", 7)
    /// `KVM_CAP_CLOCKSOURCE`.
    public static let clocksource = Capability("KVM_CAP_CLOCKSOURCE", 8)
    /// `KVM_CAP_NR_VCPUS`.
    public static let recommendedVCPUs = Capability("KVM_CAP_NR_VCPUS", 9)
    /// `KVM_CAP_NR_MEMSLOTS`.
    public static let memorySlots = Capability("KVM_CAP_NR_MEMSLOTS", 10)
    /// `KVM_CAP_PIT`.
    public static let pit = Capability("KVM_CAP_PIT", 11)
    /// `KVM_CAP_MP_STATE`.
    public static let mpState = Capability("KVM_CAP_MP_STATE", 14)
    /// `KVM_CAP_COALESCED_MMIO`.
    public static let coalescedMMIO = Capability("KVM_CAP_COALESCED_MMIO", 15)
    /// `KVM_CAP_SYNC_MMU`.
    public static let syncMMU = Capability("KVM_CAP_SYNC_MMU", 16)
    /// `KVM_CAP_DESTROY_MEMORY_REGION_WORKS`.
    public static let destroyMemoryRegionWorks = Capability("KVM_CAP_DESTROY_MEMORY_REGION_WORKS", 21)
    /// `KVM_CAP_USER_NMI`.
    public static let userNMI = Capability("KVM_CAP_USER_NMI", 22)
    /// `KVM_CAP_SET_GUEST_DEBUG`.
    public static let setGuestDebug = Capability("KVM_CAP_SET_GUEST_DEBUG", 23)
    /// `KVM_CAP_REINJECT_CONTROL`.
    public static let reinjectControl = Capability("KVM_CAP_REINJECT_CONTROL", 24)
    /// `KVM_CAP_IRQ_ROUTING`.
    public static let irqRouting = Capability("KVM_CAP_IRQ_ROUTING", 25)
    /// `KVM_CAP_IRQ_INJECT_STATUS`.
    public static let irqInjectStatus = Capability("KVM_CAP_IRQ_INJECT_STATUS", 26)
    /// `KVM_CAP_JOIN_MEMORY_REGIONS_WORKS`.
    public static let joinMemoryRegionsWorks = Capability("KVM_CAP_JOIN_MEMORY_REGIONS_WORKS", 30)
    /// `KVM_CAP_MCE`.
    public static let mce = Capability("KVM_CAP_MCE", 31)
    /// `KVM_CAP_IRQFD`.
    public static let irqFD = Capability("KVM_CAP_IRQFD", 32)
    /// `KVM_CAP_PIT2`.
    public static let pit2 = Capability("KVM_CAP_PIT2", 33)
    /// `KVM_CAP_SET_BOOT_CPU_ID`.
    public static let setBootCPUID = Capability("KVM_CAP_SET_BOOT_CPU_ID", 34)
    /// `KVM_CAP_PIT_STATE2`.
    public static let pitState2 = Capability("KVM_CAP_PIT_STATE2", 35)
    /// `KVM_CAP_IOEVENTFD`.
    public static let ioEventFD = Capability("KVM_CAP_IOEVENTFD", 36)
    /// `KVM_CAP_SET_IDENTITY_MAP_ADDR`.
    public static let setIdentityMapAddress = Capability("KVM_CAP_SET_IDENTITY_MAP_ADDR", 37)
    /// `KVM_CAP_XEN_HVM`.
    public static let xenHVM = Capability("KVM_CAP_XEN_HVM", 38)
    /// `KVM_CAP_ADJUST_CLOCK`.
    public static let adjustClock = Capability("KVM_CAP_ADJUST_CLOCK", 39)
    /// `KVM_CAP_INTERNAL_ERROR_DATA`.
    public static let internalErrorData = Capability("KVM_CAP_INTERNAL_ERROR_DATA", 40)
    /// `KVM_CAP_VCPU_EVENTS`.
    public static let vcpuEvents = Capability("KVM_CAP_VCPU_EVENTS", 41)
    /// `KVM_CAP_HYPERV`.
    public static let hyperv = Capability("KVM_CAP_HYPERV", 44)
    /// `KVM_CAP_HYPERV_VAPIC`.
    public static let hypervVAPIC = Capability("KVM_CAP_HYPERV_VAPIC", 45)
    /// `KVM_CAP_HYPERV_SPIN`.
    public static let hypervSpin = Capability("KVM_CAP_HYPERV_SPIN", 46)
    /// `KVM_CAP_INTR_SHADOW`.
    public static let intrShadow = Capability("KVM_CAP_INTR_SHADOW", 49)
    /// `KVM_CAP_DEBUGREGS`.
    public static let debugregs = Capability("KVM_CAP_DEBUGREGS", 50)
    /// `KVM_CAP_X86_ROBUST_SINGLESTEP`.
    public static let x86RobustSinglestep = Capability("KVM_CAP_X86_ROBUST_SINGLESTEP", 51)
    /// `KVM_CAP_ENABLE_CAP`.
    public static let enableCap = Capability("KVM_CAP_ENABLE_CAP", 54)
    /// `KVM_CAP_XSAVE`.
    public static let xsave = Capability("KVM_CAP_XSAVE", 55)
    /// `KVM_CAP_XCRS`.
    public static let xcrs = Capability("KVM_CAP_XCRS", 56)
    /// `KVM_CAP_ASYNC_PF`.
    public static let asyncPf = Capability("KVM_CAP_ASYNC_PF", 59)
    /// `KVM_CAP_TSC_CONTROL`.
    public static let tscControl = Capability("KVM_CAP_TSC_CONTROL", 60)
    /// `KVM_CAP_GET_TSC_KHZ`.
    public static let getTSCKHz = Capability("KVM_CAP_GET_TSC_KHZ", 61)
    /// `KVM_CAP_MAX_VCPUS`.
    public static let maximumVCPUs = Capability("KVM_CAP_MAX_VCPUS", 66)
    /// `KVM_CAP_SW_TLB`.
    public static let swTLB = Capability("KVM_CAP_SW_TLB", 69)
    /// `KVM_CAP_ONE_REG`.
    public static let oneReg = Capability("KVM_CAP_ONE_REG", 70)
    /// `KVM_CAP_TSC_DEADLINE_TIMER`.
    public static let tscDeadlineTimer = Capability("KVM_CAP_TSC_DEADLINE_TIMER", 72)
    /// `KVM_CAP_SYNC_REGS`.
    public static let syncRegisters = Capability("KVM_CAP_SYNC_REGS", 74)
    /// `KVM_CAP_PCI_2_3`.
    public static let pci23 = Capability("KVM_CAP_PCI_2_3", 75)
    /// `KVM_CAP_KVMCLOCK_CTRL`.
    public static let kvmclockControl = Capability("KVM_CAP_KVMCLOCK_CTRL", 76)
    /// `KVM_CAP_SIGNAL_MSI`.
    public static let signalMSI = Capability("KVM_CAP_SIGNAL_MSI", 77)
    /// `KVM_CAP_READONLY_MEM`.
    public static let readonlyMemory = Capability("KVM_CAP_READONLY_MEM", 81)
    /// `KVM_CAP_IRQFD_RESAMPLE`.
    public static let irqFDResample = Capability("KVM_CAP_IRQFD_RESAMPLE", 82)
    /// `KVM_CAP_IRQ_MPIC`.
    public static let irqMpic = Capability("KVM_CAP_IRQ_MPIC", 90)
    /// `KVM_CAP_IRQ_XICS`.
    public static let irqXics = Capability("KVM_CAP_IRQ_XICS", 92)
    /// `KVM_CAP_EXT_EMUL_CPUID`.
    public static let extEmulCPUID = Capability("KVM_CAP_EXT_EMUL_CPUID", 95)
    /// `KVM_CAP_HYPERV_TIME`.
    public static let hypervTime = Capability("KVM_CAP_HYPERV_TIME", 96)
    /// `KVM_CAP_IOAPIC_POLARITY_IGNORED`.
    public static let ioapicPolarityIgnored = Capability("KVM_CAP_IOAPIC_POLARITY_IGNORED", 97)
    /// `KVM_CAP_ENABLE_CAP_VM`.
    public static let enableCapVM = Capability("KVM_CAP_ENABLE_CAP_VM", 98)
    /// `KVM_CAP_IOEVENTFD_NO_LENGTH`.
    public static let ioEventFDNoLength = Capability("KVM_CAP_IOEVENTFD_NO_LENGTH", 100)
    /// `KVM_CAP_VM_ATTRIBUTES`.
    public static let vmAttributes = Capability("KVM_CAP_VM_ATTRIBUTES", 101)
    /// `KVM_CAP_CHECK_EXTENSION_VM`.
    public static let checkExtensionVM = Capability("KVM_CAP_CHECK_EXTENSION_VM", 105)
    /// `KVM_CAP_DISABLE_QUIRKS`.
    public static let disableQuirks = Capability("KVM_CAP_DISABLE_QUIRKS", 116)
    /// `KVM_CAP_X86_SMM`.
    public static let x86SMM = Capability("KVM_CAP_X86_SMM", 117)
    /// `KVM_CAP_MULTI_ADDRESS_SPACE`.
    public static let multiAddressSpace = Capability("KVM_CAP_MULTI_ADDRESS_SPACE", 118)
    /// `KVM_CAP_GUEST_DEBUG_HW_BPS`.
    public static let guestDebugHWBps = Capability("KVM_CAP_GUEST_DEBUG_HW_BPS", 119)
    /// `KVM_CAP_GUEST_DEBUG_HW_WPS`.
    public static let guestDebugHWWps = Capability("KVM_CAP_GUEST_DEBUG_HW_WPS", 120)
}
