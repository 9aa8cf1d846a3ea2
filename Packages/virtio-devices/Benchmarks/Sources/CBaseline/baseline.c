// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CBaseline.h"

#include <malloc.h>
#include <stddef.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

int baseline_file(off_t byte_count) {
    int file = memfd_create("disk", MFD_CLOEXEC);
    if (file >= 0 && ftruncate(file, byte_count) < 0) return -1;
    return file;
}

int64_t baseline_transfer(int file, uint8_t *memory, uint32_t size, uint32_t count, int writes) {
    int64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        off_t at = (off_t)size * i;
        ssize_t done = writes ? pwrite(file, memory + at, size, at) : pread(file, memory + at, size, at);
        if (done < 0) return -1;
        sum += done;
    }
    return sum;
}

uint64_t baseline_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t baseline_heap(void) {
    struct mallinfo2 info = mallinfo2();
    return info.uordblks + info.hblkhd;
}

// The program's malloc, in front of the C library's: a count of calls sees also what is freed again at once, which
// bytes in use would not.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
static uint64_t allocations;

void *malloc(size_t n) {
    __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size) {
    __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_calloc(n, size);
}

void *realloc(void *old, size_t n) {
    __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_realloc(old, n);
}

uint64_t baseline_allocations(void) { return __atomic_load_n(&allocations, __ATOMIC_RELAXED); }
