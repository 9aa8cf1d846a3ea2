// SPDX-License-Identifier: Apache-2.0
#include "CKVMIoctlsABI.h"
#include "lookup.h"
#include <linux/kvm.h>

// What the headers of Linux 6.1 lack is asked for only if the installed ones have it.
static const struct ckvm_row capabilities[] = {
    {"KVM_CAP_ADJUST_CLOCK", (unsigned long)KVM_CAP_ADJUST_CLOCK},
    {"KVM_CAP_ASYNC_PF", (unsigned long)KVM_CAP_ASYNC_PF},
    {"KVM_CAP_ASYNC_PF_INT", (unsigned long)KVM_CAP_ASYNC_PF_INT},
    {"KVM_CAP_BINARY_STATS_FD", (unsigned long)KVM_CAP_BINARY_STATS_FD},
    {"KVM_CAP_CHECK_EXTENSION_VM", (unsigned long)KVM_CAP_CHECK_EXTENSION_VM},
    {"KVM_CAP_CLOCKSOURCE", (unsigned long)KVM_CAP_CLOCKSOURCE},
    {"KVM_CAP_COALESCED_MMIO", (unsigned long)KVM_CAP_COALESCED_MMIO},
    {"KVM_CAP_COALESCED_PIO", (unsigned long)KVM_CAP_COALESCED_PIO},
#ifdef KVM_CAP_COUNTER_OFFSET
    {"KVM_CAP_COUNTER_OFFSET", (unsigned long)KVM_CAP_COUNTER_OFFSET},
#endif
    {"KVM_CAP_DEBUGREGS", (unsigned long)KVM_CAP_DEBUGREGS},
    {"KVM_CAP_DESTROY_MEMORY_REGION_WORKS", (unsigned long)KVM_CAP_DESTROY_MEMORY_REGION_WORKS},
    {"KVM_CAP_DIRTY_LOG_RING", (unsigned long)KVM_CAP_DIRTY_LOG_RING},
    {"KVM_CAP_DIRTY_LOG_RING_ACQ_REL", (unsigned long)KVM_CAP_DIRTY_LOG_RING_ACQ_REL},
    {"KVM_CAP_DISABLE_QUIRKS", (unsigned long)KVM_CAP_DISABLE_QUIRKS},
    {"KVM_CAP_DISABLE_QUIRKS2", (unsigned long)KVM_CAP_DISABLE_QUIRKS2},
    {"KVM_CAP_ENABLE_CAP", (unsigned long)KVM_CAP_ENABLE_CAP},
    {"KVM_CAP_ENABLE_CAP_VM", (unsigned long)KVM_CAP_ENABLE_CAP_VM},
    {"KVM_CAP_ENFORCE_PV_FEATURE_CPUID", (unsigned long)KVM_CAP_ENFORCE_PV_FEATURE_CPUID},
    {"KVM_CAP_EXCEPTION_PAYLOAD", (unsigned long)KVM_CAP_EXCEPTION_PAYLOAD},
    {"KVM_CAP_EXIT_HYPERCALL", (unsigned long)KVM_CAP_EXIT_HYPERCALL},
    {"KVM_CAP_EXIT_ON_EMULATION_FAILURE", (unsigned long)KVM_CAP_EXIT_ON_EMULATION_FAILURE},
    {"KVM_CAP_EXT_CPUID", (unsigned long)KVM_CAP_EXT_CPUID},
    {"KVM_CAP_EXT_EMUL_CPUID", (unsigned long)KVM_CAP_EXT_EMUL_CPUID},
    {"KVM_CAP_GET_MSR_FEATURES", (unsigned long)KVM_CAP_GET_MSR_FEATURES},
    {"KVM_CAP_GET_TSC_KHZ", (unsigned long)KVM_CAP_GET_TSC_KHZ},
    {"KVM_CAP_GUEST_DEBUG_HW_BPS", (unsigned long)KVM_CAP_GUEST_DEBUG_HW_BPS},
    {"KVM_CAP_GUEST_DEBUG_HW_WPS", (unsigned long)KVM_CAP_GUEST_DEBUG_HW_WPS},
#ifdef KVM_CAP_GUEST_MEMFD
    {"KVM_CAP_GUEST_MEMFD", (unsigned long)KVM_CAP_GUEST_MEMFD},
#endif
#ifdef KVM_CAP_GUEST_MEMFD_FLAGS
    {"KVM_CAP_GUEST_MEMFD_FLAGS", (unsigned long)KVM_CAP_GUEST_MEMFD_FLAGS},
#endif
    {"KVM_CAP_HALT_POLL", (unsigned long)KVM_CAP_HALT_POLL},
    {"KVM_CAP_HLT", (unsigned long)KVM_CAP_HLT},
    {"KVM_CAP_HYPERV", (unsigned long)KVM_CAP_HYPERV},
    {"KVM_CAP_HYPERV_CPUID", (unsigned long)KVM_CAP_HYPERV_CPUID},
    {"KVM_CAP_HYPERV_DIRECT_TLBFLUSH", (unsigned long)KVM_CAP_HYPERV_DIRECT_TLBFLUSH},
    {"KVM_CAP_HYPERV_ENFORCE_CPUID", (unsigned long)KVM_CAP_HYPERV_ENFORCE_CPUID},
    {"KVM_CAP_HYPERV_ENLIGHTENED_VMCS", (unsigned long)KVM_CAP_HYPERV_ENLIGHTENED_VMCS},
    {"KVM_CAP_HYPERV_EVENTFD", (unsigned long)KVM_CAP_HYPERV_EVENTFD},
    {"KVM_CAP_HYPERV_SEND_IPI", (unsigned long)KVM_CAP_HYPERV_SEND_IPI},
    {"KVM_CAP_HYPERV_SPIN", (unsigned long)KVM_CAP_HYPERV_SPIN},
    {"KVM_CAP_HYPERV_SYNIC", (unsigned long)KVM_CAP_HYPERV_SYNIC},
    {"KVM_CAP_HYPERV_SYNIC2", (unsigned long)KVM_CAP_HYPERV_SYNIC2},
    {"KVM_CAP_HYPERV_TIME", (unsigned long)KVM_CAP_HYPERV_TIME},
    {"KVM_CAP_HYPERV_TLBFLUSH", (unsigned long)KVM_CAP_HYPERV_TLBFLUSH},
    {"KVM_CAP_HYPERV_VAPIC", (unsigned long)KVM_CAP_HYPERV_VAPIC},
    {"KVM_CAP_HYPERV_VP_INDEX", (unsigned long)KVM_CAP_HYPERV_VP_INDEX},
    {"KVM_CAP_IMMEDIATE_EXIT", (unsigned long)KVM_CAP_IMMEDIATE_EXIT},
    {"KVM_CAP_INTERNAL_ERROR_DATA", (unsigned long)KVM_CAP_INTERNAL_ERROR_DATA},
    {"KVM_CAP_INTR_SHADOW", (unsigned long)KVM_CAP_INTR_SHADOW},
    {"KVM_CAP_IOAPIC_POLARITY_IGNORED", (unsigned long)KVM_CAP_IOAPIC_POLARITY_IGNORED},
    {"KVM_CAP_IOEVENTFD", (unsigned long)KVM_CAP_IOEVENTFD},
    {"KVM_CAP_IOEVENTFD_ANY_LENGTH", (unsigned long)KVM_CAP_IOEVENTFD_ANY_LENGTH},
    {"KVM_CAP_IOEVENTFD_NO_LENGTH", (unsigned long)KVM_CAP_IOEVENTFD_NO_LENGTH},
    {"KVM_CAP_IRQCHIP", (unsigned long)KVM_CAP_IRQCHIP},
    {"KVM_CAP_IRQFD", (unsigned long)KVM_CAP_IRQFD},
    {"KVM_CAP_IRQFD_RESAMPLE", (unsigned long)KVM_CAP_IRQFD_RESAMPLE},
    {"KVM_CAP_IRQ_INJECT_STATUS", (unsigned long)KVM_CAP_IRQ_INJECT_STATUS},
    {"KVM_CAP_IRQ_MPIC", (unsigned long)KVM_CAP_IRQ_MPIC},
    {"KVM_CAP_IRQ_ROUTING", (unsigned long)KVM_CAP_IRQ_ROUTING},
    {"KVM_CAP_IRQ_XICS", (unsigned long)KVM_CAP_IRQ_XICS},
    {"KVM_CAP_JOIN_MEMORY_REGIONS_WORKS", (unsigned long)KVM_CAP_JOIN_MEMORY_REGIONS_WORKS},
    {"KVM_CAP_KVMCLOCK_CTRL", (unsigned long)KVM_CAP_KVMCLOCK_CTRL},
    {"KVM_CAP_LAST_CPU", (unsigned long)KVM_CAP_LAST_CPU},
    {"KVM_CAP_MANUAL_DIRTY_LOG_PROTECT", (unsigned long)KVM_CAP_MANUAL_DIRTY_LOG_PROTECT},
    {"KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2", (unsigned long)KVM_CAP_MANUAL_DIRTY_LOG_PROTECT2},
    {"KVM_CAP_MAX_VCPUS", (unsigned long)KVM_CAP_MAX_VCPUS},
    {"KVM_CAP_MAX_VCPU_ID", (unsigned long)KVM_CAP_MAX_VCPU_ID},
    {"KVM_CAP_MCE", (unsigned long)KVM_CAP_MCE},
#ifdef KVM_CAP_MEMORY_ATTRIBUTES
    {"KVM_CAP_MEMORY_ATTRIBUTES", (unsigned long)KVM_CAP_MEMORY_ATTRIBUTES},
#endif
#ifdef KVM_CAP_MEMORY_FAULT_INFO
    {"KVM_CAP_MEMORY_FAULT_INFO", (unsigned long)KVM_CAP_MEMORY_FAULT_INFO},
#endif
    {"KVM_CAP_MMU_SHADOW_CACHE_CONTROL", (unsigned long)KVM_CAP_MMU_SHADOW_CACHE_CONTROL},
    {"KVM_CAP_MP_STATE", (unsigned long)KVM_CAP_MP_STATE},
    {"KVM_CAP_MSI_DEVID", (unsigned long)KVM_CAP_MSI_DEVID},
    {"KVM_CAP_MSR_PLATFORM_INFO", (unsigned long)KVM_CAP_MSR_PLATFORM_INFO},
    {"KVM_CAP_MULTI_ADDRESS_SPACE", (unsigned long)KVM_CAP_MULTI_ADDRESS_SPACE},
    {"KVM_CAP_NESTED_STATE", (unsigned long)KVM_CAP_NESTED_STATE},
    {"KVM_CAP_NR_MEMSLOTS", (unsigned long)KVM_CAP_NR_MEMSLOTS},
    {"KVM_CAP_NR_VCPUS", (unsigned long)KVM_CAP_NR_VCPUS},
    {"KVM_CAP_ONE_REG", (unsigned long)KVM_CAP_ONE_REG},
    {"KVM_CAP_PCI_2_3", (unsigned long)KVM_CAP_PCI_2_3},
    {"KVM_CAP_PIT", (unsigned long)KVM_CAP_PIT},
    {"KVM_CAP_PIT2", (unsigned long)KVM_CAP_PIT2},
    {"KVM_CAP_PIT_STATE2", (unsigned long)KVM_CAP_PIT_STATE2},
    {"KVM_CAP_PMU_CAPABILITY", (unsigned long)KVM_CAP_PMU_CAPABILITY},
    {"KVM_CAP_PMU_EVENT_FILTER", (unsigned long)KVM_CAP_PMU_EVENT_FILTER},
#ifdef KVM_CAP_PMU_EVENT_MASKED_EVENTS
    {"KVM_CAP_PMU_EVENT_MASKED_EVENTS", (unsigned long)KVM_CAP_PMU_EVENT_MASKED_EVENTS},
#endif
#ifdef KVM_CAP_PRE_FAULT_MEMORY
    {"KVM_CAP_PRE_FAULT_MEMORY", (unsigned long)KVM_CAP_PRE_FAULT_MEMORY},
#endif
    {"KVM_CAP_PTP_KVM", (unsigned long)KVM_CAP_PTP_KVM},
    {"KVM_CAP_READONLY_MEM", (unsigned long)KVM_CAP_READONLY_MEM},
    {"KVM_CAP_REINJECT_CONTROL", (unsigned long)KVM_CAP_REINJECT_CONTROL},
    {"KVM_CAP_SET_BOOT_CPU_ID", (unsigned long)KVM_CAP_SET_BOOT_CPU_ID},
    {"KVM_CAP_SET_GUEST_DEBUG", (unsigned long)KVM_CAP_SET_GUEST_DEBUG},
    {"KVM_CAP_SET_GUEST_DEBUG2", (unsigned long)KVM_CAP_SET_GUEST_DEBUG2},
    {"KVM_CAP_SET_IDENTITY_MAP_ADDR", (unsigned long)KVM_CAP_SET_IDENTITY_MAP_ADDR},
    {"KVM_CAP_SET_TSS_ADDR", (unsigned long)KVM_CAP_SET_TSS_ADDR},
    {"KVM_CAP_SGX_ATTRIBUTE", (unsigned long)KVM_CAP_SGX_ATTRIBUTE},
    {"KVM_CAP_SIGNAL_MSI", (unsigned long)KVM_CAP_SIGNAL_MSI},
    {"KVM_CAP_SMALLER_MAXPHYADDR", (unsigned long)KVM_CAP_SMALLER_MAXPHYADDR},
    {"KVM_CAP_SPLIT_IRQCHIP", (unsigned long)KVM_CAP_SPLIT_IRQCHIP},
    {"KVM_CAP_SREGS2", (unsigned long)KVM_CAP_SREGS2},
    {"KVM_CAP_STEAL_TIME", (unsigned long)KVM_CAP_STEAL_TIME},
    {"KVM_CAP_SW_TLB", (unsigned long)KVM_CAP_SW_TLB},
    {"KVM_CAP_SYNC_MMU", (unsigned long)KVM_CAP_SYNC_MMU},
    {"KVM_CAP_SYNC_REGS", (unsigned long)KVM_CAP_SYNC_REGS},
    {"KVM_CAP_SYSTEM_EVENT_DATA", (unsigned long)KVM_CAP_SYSTEM_EVENT_DATA},
    {"KVM_CAP_SYS_ATTRIBUTES", (unsigned long)KVM_CAP_SYS_ATTRIBUTES},
    {"KVM_CAP_SYS_HYPERV_CPUID", (unsigned long)KVM_CAP_SYS_HYPERV_CPUID},
    {"KVM_CAP_TSC_CONTROL", (unsigned long)KVM_CAP_TSC_CONTROL},
    {"KVM_CAP_TSC_DEADLINE_TIMER", (unsigned long)KVM_CAP_TSC_DEADLINE_TIMER},
    {"KVM_CAP_USER_MEMORY", (unsigned long)KVM_CAP_USER_MEMORY},
#ifdef KVM_CAP_USER_MEMORY2
    {"KVM_CAP_USER_MEMORY2", (unsigned long)KVM_CAP_USER_MEMORY2},
#endif
    {"KVM_CAP_USER_NMI", (unsigned long)KVM_CAP_USER_NMI},
    {"KVM_CAP_VAPIC", (unsigned long)KVM_CAP_VAPIC},
    {"KVM_CAP_VCPU_ATTRIBUTES", (unsigned long)KVM_CAP_VCPU_ATTRIBUTES},
    {"KVM_CAP_VCPU_EVENTS", (unsigned long)KVM_CAP_VCPU_EVENTS},
    {"KVM_CAP_VM_ATTRIBUTES", (unsigned long)KVM_CAP_VM_ATTRIBUTES},
    {"KVM_CAP_VM_COPY_ENC_CONTEXT_FROM", (unsigned long)KVM_CAP_VM_COPY_ENC_CONTEXT_FROM},
    {"KVM_CAP_VM_DISABLE_NX_HUGE_PAGES", (unsigned long)KVM_CAP_VM_DISABLE_NX_HUGE_PAGES},
    {"KVM_CAP_VM_GPA_BITS", (unsigned long)KVM_CAP_VM_GPA_BITS},
    {"KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM", (unsigned long)KVM_CAP_VM_MOVE_ENC_CONTEXT_FROM},
    {"KVM_CAP_VM_TSC_CONTROL", (unsigned long)KVM_CAP_VM_TSC_CONTROL},
#ifdef KVM_CAP_VM_TYPES
    {"KVM_CAP_VM_TYPES", (unsigned long)KVM_CAP_VM_TYPES},
#endif
    {"KVM_CAP_X2APIC_API", (unsigned long)KVM_CAP_X2APIC_API},
#ifdef KVM_CAP_X86_APIC_BUS_CYCLES_NS
    {"KVM_CAP_X86_APIC_BUS_CYCLES_NS", (unsigned long)KVM_CAP_X86_APIC_BUS_CYCLES_NS},
#endif
    {"KVM_CAP_X86_BUS_LOCK_EXIT", (unsigned long)KVM_CAP_X86_BUS_LOCK_EXIT},
    {"KVM_CAP_X86_DISABLE_EXITS", (unsigned long)KVM_CAP_X86_DISABLE_EXITS},
#ifdef KVM_CAP_X86_GUEST_MODE
    {"KVM_CAP_X86_GUEST_MODE", (unsigned long)KVM_CAP_X86_GUEST_MODE},
#endif
    {"KVM_CAP_X86_MSR_FILTER", (unsigned long)KVM_CAP_X86_MSR_FILTER},
    {"KVM_CAP_X86_NOTIFY_VMEXIT", (unsigned long)KVM_CAP_X86_NOTIFY_VMEXIT},
    {"KVM_CAP_X86_ROBUST_SINGLESTEP", (unsigned long)KVM_CAP_X86_ROBUST_SINGLESTEP},
    {"KVM_CAP_X86_SMM", (unsigned long)KVM_CAP_X86_SMM},
    {"KVM_CAP_X86_TRIPLE_FAULT_EVENT", (unsigned long)KVM_CAP_X86_TRIPLE_FAULT_EVENT},
    {"KVM_CAP_X86_USER_SPACE_MSR", (unsigned long)KVM_CAP_X86_USER_SPACE_MSR},
    {"KVM_CAP_XCRS", (unsigned long)KVM_CAP_XCRS},
    {"KVM_CAP_XEN_HVM", (unsigned long)KVM_CAP_XEN_HVM},
    {"KVM_CAP_XSAVE", (unsigned long)KVM_CAP_XSAVE},
    {"KVM_CAP_XSAVE2", (unsigned long)KVM_CAP_XSAVE2},
};

long ckvm_capability(const char *name) {
    return ckvm_lookup(capabilities, sizeof capabilities / sizeof capabilities[0], name);
}
