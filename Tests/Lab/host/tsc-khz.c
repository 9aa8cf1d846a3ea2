// SPDX-License-Identifier: Apache-2.0
// Prints the rate of this machine's time-stamp counter in kHz: KVM's word where there is KVM, else measured in 200 ms.
// The lab's kernel gets it, since on a busy machine it would miscount it.
#include <fcntl.h>
#include <linux/kvm.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <x86intrin.h>

static long from_kvm(void) {
    int kvm = open("/dev/kvm", O_RDWR);
    if (kvm < 0 || ioctl(kvm, KVM_CHECK_EXTENSION, KVM_CAP_GET_TSC_KHZ) <= 0) return 0;
    int vm = ioctl(kvm, KVM_CREATE_VM, 0);
    if (vm < 0) return 0;
    int vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
    return vcpu < 0 ? 0 : ioctl(vcpu, KVM_GET_TSC_KHZ);
}

// The clock between two reads of the counter that are close together, so that being preempted there does not count.
static int64_t clock_and_counter(uint64_t *counter) {
    uint64_t best = UINT64_MAX;
    int64_t nanoseconds = 0;
    for (int i = 0; i < 100; i++) {
        struct timespec now;
        uint64_t before = __rdtsc();
        clock_gettime(CLOCK_MONOTONIC_RAW, &now);
        uint64_t after = __rdtsc();
        if (after - before >= best) continue;
        best = after - before;
        *counter = before + best / 2;
        nanoseconds = now.tv_sec * 1000000000LL + now.tv_nsec;
    }
    return nanoseconds;
}

static long measured(void) {
    uint64_t first, last;
    int64_t start = clock_and_counter(&first);
    nanosleep(&(struct timespec){.tv_nsec = 200000000}, NULL);
    int64_t end = clock_and_counter(&last);
    return (long)((double)(last - first) * 1e6 / (double)(end - start));
}

int main(void) {
    long khz = from_kvm();
    printf("%ld\n", khz > 0 ? khz : measured());
    return 0;
}
