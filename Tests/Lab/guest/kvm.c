// SPDX-License-Identifier: Apache-2.0
// QEMU's TCG can hang for ever when the kernel patches code that a second CPU is running (both loop in int3). The kernel
// patches its scheduler, KVM and page allocator whenever a static key changes, and it changes one when the first VM is
// made and the last one closed, when the first CPU quota is set, when the first cpuset or memory cgroup appears. Do each
// while one CPU is up, and hold what keeps the key as it is until the lab ends.
#define _GNU_SOURCE
#include "lab.h"
#include <errno.h>
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

// One VM holds the preempt notifiers. Its vCPU without a local APIC and the other VM's vCPU, whose APIC stays disabled
// by software, hold the keys that KVM counts such vCPUs with. The descriptors are never closed.
static void hold_vms(void) {
    int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
    if (kvm < 0) give_up("/dev/kvm");
    int plain = ioctl(kvm, KVM_CREATE_VM, 0);
    int with_apic = ioctl(kvm, KVM_CREATE_VM, 0);
    if (plain < 0 || with_apic < 0) give_up("KVM_CREATE_VM");
    if (ioctl(plain, KVM_CREATE_VCPU, 0) < 0) give_up("KVM_CREATE_VCPU");
    if (ioctl(with_apic, KVM_CREATE_IRQCHIP, 0) < 0) give_up("KVM_CREATE_IRQCHIP");
    if (ioctl(with_apic, KVM_CREATE_VCPU, 0) < 0) give_up("KVM_CREATE_VCPU with irqchip");
    close(kvm);
}

// An empty group with every controller and a quota.
static void hold_cgroup(void) {
    static const char *const controllers[] = {"+cpu", "+cpuset", "+memory", "+io", "+pids", "+hugetlb", "+rdma", "+misc"};
    for (size_t i = 0; i < sizeof controllers / sizeof controllers[0]; i++)
        put("/sys/fs/cgroup/cgroup.subtree_control", controllers[i]);
    mkdir("/sys/fs/cgroup/lab-held", 0755);
    if (put("/sys/fs/cgroup/lab-held/cpu.max", "50000 100000") < 0) give_up("cpu.max");
}

void settle_kernel(void) {
    hold_vms();
    hold_cgroup();
}

void bring_up_cpus(void) {
    char path[80];
    for (int cpu = 1; cpu < 256; cpu++) {
        snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/online", cpu);
        if (access(path, F_OK) < 0) return;
        if (put(path, "1") < 0) give_up(path);
    }
}
