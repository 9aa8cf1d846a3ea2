// SPDX-License-Identifier: Apache-2.0
// Runs four instructions of real mode in a VM and prints what they wrote: "KVM works", or the call that failed.
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

#define CHECK(call) do { if ((call) < 0) { perror(#call); return 1; } } while (0)

int main(void) {
    static const unsigned char code[] = {0xb0, 'K', 0xe6, 0xe9, 0xf4}; // mov $'K',%al; out %al,$0xe9; hlt
    int kvm, vm, vcpu, bytes;
    CHECK(kvm = open("/dev/kvm", O_RDWR));
    CHECK(vm = ioctl(kvm, KVM_CREATE_VM, 0));
    void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) return 1;
    memcpy(memory, code, sizeof code);
    struct kvm_userspace_memory_region region = {.guest_phys_addr = 0x1000, .memory_size = 4096, .userspace_addr = (unsigned long)memory};
    CHECK(ioctl(vm, KVM_SET_USER_MEMORY_REGION, &region));
    CHECK(vcpu = ioctl(vm, KVM_CREATE_VCPU, 0));
    CHECK(bytes = ioctl(kvm, KVM_GET_VCPU_MMAP_SIZE, 0));
    struct kvm_run *run = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    if (run == MAP_FAILED) return 1;
    struct kvm_sregs sregs;
    CHECK(ioctl(vcpu, KVM_GET_SREGS, &sregs));
    sregs.cs.base = sregs.cs.selector = 0;
    CHECK(ioctl(vcpu, KVM_SET_SREGS, &sregs));
    struct kvm_regs regs = {.rip = 0x1000, .rflags = 2};
    CHECK(ioctl(vcpu, KVM_SET_REGS, &regs));
    CHECK(ioctl(vcpu, KVM_RUN, 0));
    int wrote = run->exit_reason == KVM_EXIT_IO && run->io.port == 0xe9 && *((char *)run + run->io.data_offset) == 'K';
    CHECK(ioctl(vcpu, KVM_RUN, 0));
    puts(wrote && run->exit_reason == KVM_EXIT_HLT ? "KVM works" : "unexpected exit");
    return 0;
}
