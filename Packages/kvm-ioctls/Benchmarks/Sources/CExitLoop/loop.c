// SPDX-License-Identifier: Apache-2.0
#include "CExitLoop.h"

#include <linux/kvm.h>
#include <malloc.h>
#include <sys/ioctl.h>
#include <sys/mman.h>

void *exit_loop_map(int vcpu, size_t byte_count) {
    void *area = mmap(NULL, byte_count, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
    return area == MAP_FAILED ? NULL : area;
}

long exit_loop_run(int vcpu, void *area, long count) {
    struct kvm_run *run = area;
    long sum = 0;
    for (long i = 0; i < count; i++) {
        if (ioctl(vcpu, KVM_RUN, 0) < 0) return -1;
        switch (run->exit_reason) {
        case KVM_EXIT_IO:
            if (run->io.direction != KVM_EXIT_IO_OUT || run->io.size != 1) return -1;
            sum += *((unsigned char *)run + run->io.data_offset);
            break;
        default: return -1;
        }
    }
    return sum;
}

// The program's own definitions come before the C library's, so every allocation is counted.
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
static unsigned long allocations;

void *malloc(size_t size) {
    __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_malloc(size);
}

void *calloc(size_t count, size_t size) {
    __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size) {
    __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_realloc(old, size);
}

unsigned long exit_loop_allocations(void) { return __atomic_load_n(&allocations, __ATOMIC_RELAXED); }

size_t exit_loop_bytes_in_use(void) { return mallinfo2().uordblks; }
