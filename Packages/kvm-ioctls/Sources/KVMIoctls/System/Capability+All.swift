// SPDX-License-Identifier: Apache-2.0

extension Capability {
    /// All that this version names.
    public static let all: [Capability] = [
        .irqChip, .hlt, .mmuShadowCacheControl, .userMemory, .setTSSAddress, .vapic, .extCPUID, .clocksource,
        .recommendedVCPUs, .memorySlots, .pit, .mpState, .coalescedMMIO, .syncMMU, .destroyMemoryRegionWorks,
        .userNMI, .setGuestDebug, .reinjectControl, .irqRouting, .irqInjectStatus, .joinMemoryRegionsWorks, .mce,
        .irqFD, .pit2, .setBootCPUID, .pitState2, .ioEventFD, .setIdentityMapAddress, .xenHVM, .adjustClock,
        .internalErrorData, .vcpuEvents, .hyperv, .hypervVAPIC, .hypervSpin, .intrShadow, .debugregs,
        .x86RobustSinglestep, .enableCap, .xsave, .xcrs, .asyncPf, .tscControl, .getTSCKHz, .maximumVCPUs, .swTLB,
        .oneReg, .tscDeadlineTimer, .syncRegisters, .pci23, .kvmclockControl, .signalMSI, .readonlyMemory,
        .irqFDResample, .irqMpic, .irqXics, .extEmulCPUID, .hypervTime, .ioapicPolarityIgnored, .enableCapVM,
        .ioEventFDNoLength, .vmAttributes, .checkExtensionVM, .disableQuirks, .x86SMM, .multiAddressSpace,
        .guestDebugHWBps, .guestDebugHWWps, .splitIRQChip, .ioEventFDAnyLength, .hypervSynIC, .vcpuAttributes,
        .maximumVCPUID, .x2apicAPI, .msiDevid, .immediateExit, .x86DisableExits, .hypervSynIC2, .hypervVPIndex,
        .getMSRFeatures, .hypervEventFD, .hypervTLBFlush, .nestedState, .msrPlatformInfo, .hypervSendIPI,
        .coalescedPIO, .hypervEnlightenedVMCS, .exceptionPayload, .manualDirtyLogProtect, .hypervCPUID,
        .manualDirtyLogProtect2, .pmuEventFilter, .hypervDirectTLBFlush, .haltPoll, .asyncPfInt, .lastCPU,
        .smallerMaxphyaddr, .stealTime, .x86UserSpaceMSR, .x86MSRFilter, .enforcePvFeatureCPUID, .sysHypervCPUID,
        .dirtyLogRing, .x86BusLockExit, .setGuestDebug2, .sgxAttribute, .vmCopyEncContextFrom, .ptpKVM,
        .hypervEnforceCPUID, .sregs2, .exitHypercall, .binaryStatsFD, .exitOnEmulationFailure, .vmMoveEncContextFrom,
        .vmGpaBits, .xsave2, .sysAttributes, .pmuCapability, .disableQuirks2, .vmTSCControl, .systemEventData,
        .x86TripleFaultEvent, .x86NotifyVMExit, .vmDisableNXHugePages, .dirtyLogRingAcqRel, .pmuEventMaskedEvents,
        .counterOffset, .userMemory2, .memoryFaultInfo, .memoryAttributes, .guestMemFD, .vmTypes, .preFaultMemory,
        .x86APICBusCyclesNS, .x86GuestMode, .guestMemFDFlags,
    ]
}
