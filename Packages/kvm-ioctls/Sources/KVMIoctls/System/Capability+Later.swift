// SPDX-License-Identifier: Apache-2.0

/// From number 121 on.
extension Capability {
    /// `KVM_CAP_SPLIT_IRQCHIP`.
    public static let splitIRQChip = Capability("KVM_CAP_SPLIT_IRQCHIP", 121)
    /// `KVM_CAP_IOEVENTFD_ANY_LENGTH`.
    public static let ioEventFDAnyLength = Capability("KVM_CAP_IOEVENTFD_ANY_LENGTH", 122)
    /// `KVM_CAP_HYPERV_SYNIC`.
    public static let hypervSynIC = Capability("KVM_CAP_HYPERV_SYNIC", 123)
    /// `KVM_CAP_VCPU_ATTRIBUTES`.
    public static let vcpuAttributes = Capability("KVM_CAP_VCPU_ATTRIBUTES", 127)
    /// `KVM_CAP_MAX_VCPU_ID`.
    public static let maximumVCPUID = Capability("KVM_CAP_MAX_VCPU_ID", 128)
    /// `KVM_CAP_X2APIC_API`.
    public static let x2apicAPI = Capability("KVM_CAP_X2APIC_API", 129)
    /// `KVM_CAP_MSI_DEVID`.
    public static let msiDevid = Capability("KVM_CAP_MSI_DEVID", 131)
    /// `KVM_CAP_IMMEDIATE_EXIT`.
    public static let immediateExit = Capability("KVM_CAP_IMMEDIATE_EXIT", 136)
    /// `KVM_CAP_X86_DISABLE_EXITS`.
    public static let x86DisableExits = Capability("KVM_CAP_X86_DISABLE_EXITS", 143)
    /// `KVM_CAP_HYPERV_SYNIC2`.
    public static let hypervSynIC2 = Capability("KVM_CAP_HYPERV_SYNIC2", 148)
    /// `KVM_CAP_HYPERV_VP_INDEX`.
    public static let hypervVPIndex = Capability("KVM_CAP_HYPERV_VP_INDEX", 149)
    /// `KVM_CAP_GET_MSR_FEATURES`.
    public static let getMSRFeatures = Capability("KVM_CAP_GET_MSR_FEATURES", 153)
    /// `KVM_CAP_HYPERV_EVENTFD`.
    public static let hypervEventFD = Capability("KVM_CAP_HYPERV_EVENTFD", 154)
    /// `KVM_CAP_HYPERV_TLBFLUSH`.
    public static let hypervTLBFlush = Capability("KVM_CAP_HYPERV_TLBFLUSH", 155)
    /// `KVM_CAP_NESTED_STATE`.
    public static let nestedState = Capability("KVM_CAP_NESTED_STATE", 157)
    /// `KVM_CAP_MSR_PLATFORM_INFO`.
    public static let msrPlatformInfo = Capability("KVM_CAP_MSR_PLATFORM_INFO", 159)
    /// `KVM_CAP_HYPERV_SEND_IPI`.
    public static let hypervSendIPI = Capability("KVM_CAP_HYPERV_SEND_IPI", 161)
    /// `KVM_CAP_COALESCED_PIO`.
    public static let coalescedPIO = Capability("KVM_CAP_COALESCED_PIO", 162)
    /// `KVM_CAP_HYPERV_ENLIGHTENED_VMCS`.
    public static let hypervEnlightenedVMCS = Capability("KVM_CAP_HYPERV_ENLIGHTENED_VMCS", 163)
    /// `KVM_CAP_EXCEPTION_PAYLOAD`.
    public static let exceptionPayload = Capability("KVM_CAP_EXCEPTION_PAYLOAD", 164)
    /// `KVM_CAP_MANUAL_DIRTY_LOG_PROTECT`.
    public static let manualDirtyLogProtect = Capability("KVM_CAP_MANUAL_DIRTY_LOG_PROTECT", 166)
    /// `KVM_CAP_HYPERV_CPUID`.
    public static let hypervCPUID = Capability("KVM_CAP_HYPERV_CPUID", 167)
    /// `KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2`.
    public static let manualDirtyLogProtect2 = Capability("KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2", 168)
    /// `KVM_CAP_PMU_EVENT_FILTER`.
    public static let pmuEventFilter = Capability("KVM_CAP_PMU_EVENT_FILTER", 173)
    /// `KVM_CAP_HYPERV_DIRECT_TLBFLUSH`.
    public static let hypervDirectTLBFlush = Capability("KVM_CAP_HYPERV_DIRECT_TLBFLUSH", 175)
    /// `KVM_CAP_HALT_POLL`.
    public static let haltPoll = Capability("KVM_CAP_HALT_POLL", 182)
    /// `KVM_CAP_ASYNC_PF_INT`.
    public static let asyncPfInt = Capability("KVM_CAP_ASYNC_PF_INT", 183)
    /// `KVM_CAP_LAST_CPU`.
    public static let lastCPU = Capability("KVM_CAP_LAST_CPU", 184)
    /// `KVM_CAP_SMALLER_MAXPHYADDR`.
    public static let smallerMaxphyaddr = Capability("KVM_CAP_SMALLER_MAXPHYADDR", 185)
    /// `KVM_CAP_STEAL_TIME`.
    public static let stealTime = Capability("KVM_CAP_STEAL_TIME", 187)
    /// `KVM_CAP_X86_USER_SPACE_MSR`.
    public static let x86UserSpaceMSR = Capability("KVM_CAP_X86_USER_SPACE_MSR", 188)
    /// `KVM_CAP_X86_MSR_FILTER`.
    public static let x86MSRFilter = Capability("KVM_CAP_X86_MSR_FILTER", 189)
    /// `KVM_CAP_ENFORCE_PV_FEATURE_CPUID`.
    public static let enforcePvFeatureCPUID = Capability("KVM_CAP_ENFORCE_PV_FEATURE_CPUID", 190)
    /// `KVM_CAP_SYS_HYPERV_CPUID`.
    public static let sysHypervCPUID = Capability("KVM_CAP_SYS_HYPERV_CPUID", 191)
    /// `KVM_CAP_DIRTY_LOG_RING`.
    public static let dirtyLogRing = Capability("KVM_CAP_DIRTY_LOG_RING", 192)
    /// `KVM_CAP_X86_BUS_LOCK_EXIT`.
    public static let x86BusLockExit = Capability("KVM_CAP_X86_BUS_LOCK_EXIT", 193)
    /// `KVM_CAP_SET_GUEST_DEBUG2`.
    public static let setGuestDebug2 = Capability("KVM_CAP_SET_GUEST_DEBUG2", 195)
    /// `KVM_CAP_SGX_ATTRIBUTE`.
    public static let sgxAttribute = Capability("KVM_CAP_SGX_ATTRIBUTE", 196)
    /// `KVM_CAP_VM_COPY_ENC_CONTEXT_FROM`.
    public static let vmCopyEncContextFrom = Capability("KVM_CAP_VM_COPY_ENC_CONTEXT_FROM", 197)
    /// `KVM_CAP_PTP_KVM`.
    public static let ptpKVM = Capability("KVM_CAP_PTP_KVM", 198)
    /// `KVM_CAP_HYPERV_ENFORCE_CPUID`.
    public static let hypervEnforceCPUID = Capability("KVM_CAP_HYPERV_ENFORCE_CPUID", 199)
    /// `KVM_CAP_SREGS2`.
    public static let sregs2 = Capability("KVM_CAP_SREGS2", 200)
    /// `KVM_CAP_EXIT_HYPERCALL`.
    public static let exitHypercall = Capability("KVM_CAP_EXIT_HYPERCALL", 201)
    /// `KVM_CAP_BINARY_STATS_FD`.
    public static let binaryStatsFD = Capability("KVM_CAP_BINARY_STATS_FD", 203)
    /// `KVM_CAP_EXIT_ON_EMULATION_FAILURE`.
    public static let exitOnEmulationFailure = Capability("KVM_CAP_EXIT_ON_EMULATION_FAILURE", 204)
    /// `KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM`.
    public static let vmMoveEncContextFrom = Capability("KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM", 206)
    /// `KVM_CAP_VM_GPA_BITS`.
    public static let vmGpaBits = Capability("KVM_CAP_VM_GPA_BITS", 207)
    /// `KVM_CAP_XSAVE2`.
    public static let xsave2 = Capability("KVM_CAP_XSAVE2", 208)
    /// `KVM_CAP_SYS_ATTRIBUTES`.
    public static let sysAttributes = Capability("KVM_CAP_SYS_ATTRIBUTES", 209)
    /// `KVM_CAP_PMU_CAPABILITY`.
    public static let pmuCapability = Capability("KVM_CAP_PMU_CAPABILITY", 212)
    /// `KVM_CAP_DISABLE_QUIRKS2`.
    public static let disableQuirks2 = Capability("KVM_CAP_DISABLE_QUIRKS2", 213)
    /// `KVM_CAP_VM_TSC_CONTROL`.
    public static let vmTSCControl = Capability("KVM_CAP_VM_TSC_CONTROL", 214)
    /// `KVM_CAP_SYSTEM_EVENT_DATA`.
    public static let systemEventData = Capability("KVM_CAP_SYSTEM_EVENT_DATA", 215)
    /// `KVM_CAP_X86_TRIPLE_FAULT_EVENT`.
    public static let x86TripleFaultEvent = Capability("KVM_CAP_X86_TRIPLE_FAULT_EVENT", 218)
    /// `KVM_CAP_X86_NOTIFY_VMEXIT`.
    public static let x86NotifyVMExit = Capability("KVM_CAP_X86_NOTIFY_VMEXIT", 219)
    /// `KVM_CAP_VM_DISABLE_NX_HUGE_PAGES`.
    public static let vmDisableNXHugePages = Capability("KVM_CAP_VM_DISABLE_NX_HUGE_PAGES", 220)
    /// `KVM_CAP_DIRTY_LOG_RING_ACQ_REL`.
    public static let dirtyLogRingAcqRel = Capability("KVM_CAP_DIRTY_LOG_RING_ACQ_REL", 223)
    /// `KVM_CAP_PMU_EVENT_MASKED_EVENTS`.
    public static let pmuEventMaskedEvents = Capability("KVM_CAP_PMU_EVENT_MASKED_EVENTS", 226)
    /// `KVM_CAP_COUNTER_OFFSET`.
    public static let counterOffset = Capability("KVM_CAP_COUNTER_OFFSET", 227)
    /// `KVM_CAP_USER_MEMORY2`.
    public static let userMemory2 = Capability("KVM_CAP_USER_MEMORY2", 231)
    /// `KVM_CAP_MEMORY_FAULT_INFO`.
    public static let memoryFaultInfo = Capability("KVM_CAP_MEMORY_FAULT_INFO", 232)
    /// `KVM_CAP_MEMORY_ATTRIBUTES`.
    public static let memoryAttributes = Capability("KVM_CAP_MEMORY_ATTRIBUTES", 233)
    /// `KVM_CAP_GUEST_MEMFD`.
    public static let guestMemFD = Capability("KVM_CAP_GUEST_MEMFD", 234)
    /// `KVM_CAP_VM_TYPES`.
    public static let vmTypes = Capability("KVM_CAP_VM_TYPES", 235)
    /// `KVM_CAP_PRE_FAULT_MEMORY`.
    public static let preFaultMemory = Capability("KVM_CAP_PRE_FAULT_MEMORY", 236)
    /// `KVM_CAP_X86_APIC_BUS_CYCLES_NS`.
    public static let x86APICBusCyclesNS = Capability("KVM_CAP_X86_APIC_BUS_CYCLES_NS", 237)
    /// `KVM_CAP_X86_GUEST_MODE`.
    public static let x86GuestMode = Capability("KVM_CAP_X86_GUEST_MODE", 238)
    /// `KVM_CAP_GUEST_MEMFD_FLAGS`.
    public static let guestMemFDFlags = Capability("KVM_CAP_GUEST_MEMFD_FLAGS", 244)
}
