// SPDX-License-Identifier: Apache-2.0
#include "CBaseline.h"
#include <malloc.h>
#include <string.h>
#include <time.h>

uint64_t baseline_load(const void *base, uint64_t mask, uint64_t count) {
    uint64_t sum = 0, offset = 0;
    for (uint64_t i = 0; i < count; i++) {
        sum += *(const volatile uint64_t *)((const char *)base + offset);
        offset = (offset + 8) & mask;
    }
    return sum;
}

void baseline_store(void *base, uint64_t mask, uint64_t count) {
    uint64_t offset = 0;
    for (uint64_t i = 0; i < count; i++) {
        *(volatile uint64_t *)((char *)base + offset) = i;
        offset = (offset + 8) & mask;
    }
}

uint64_t baseline_chase(const void *start, uint64_t count) {
    const void *p = start;
    for (uint64_t i = 0; i < count; i++) p = *(const void *const volatile *)p;
    return (uint64_t)(uintptr_t)p;
}

// A xorshift step a turn, so neighbouring accesses share nothing.
uint64_t baseline_load_scattered(const void *base, uint64_t mask, uint64_t count) {
    uint64_t sum = 0, state = 88172645463325252ull;
    for (uint64_t i = 0; i < count; i++) {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        sum += *(const volatile uint64_t *)((const char *)base + (state & mask));
    }
    return sum;
}

void baseline_store_and_mark(void *base, void *bits, uint64_t mask, uint64_t count) {
    uint64_t offset = 0;
    uint64_t *words = bits;
    for (uint64_t i = 0; i < count; i++) {
        *(volatile uint64_t *)((char *)base + offset) = i;
        uint64_t page = offset >> 12;
        __atomic_fetch_or(&words[page >> 6], 1ull << (page & 63), __ATOMIC_ACQ_REL);
        offset = (offset + 8) & mask;
    }
}

void baseline_copy(void *to, const void *from, size_t bytes, uint64_t mask, uint64_t count) {
    uint64_t offset = 0;
    for (uint64_t i = 0; i < count; i++) {
        memcpy(to, (const char *)from + offset, bytes);
        __asm__ volatile("" : : "r"(to) : "memory");
        offset = (offset + bytes) & mask;
    }
}

uint64_t baseline_fetch_or(void *base, uint64_t mask, uint64_t count) {
    uint64_t sum = 0, offset = 0;
    for (uint64_t i = 0; i < count; i++) {
        sum += __atomic_fetch_or((uint64_t *)((char *)base + offset), i, __ATOMIC_SEQ_CST);
        offset = (offset + 8) & mask;
    }
    return sum;
}

uint64_t baseline_load_pair(const void *base, uint64_t mask, uint64_t count) {
    uint64_t sum = 0, offset = 0;
    for (uint64_t i = 0; i < count; i++) {
        const volatile uint64_t *p = (const volatile uint64_t *)((const char *)base + offset);
        sum += p[0];
        sum += (uint32_t)p[1];
        offset = (offset + 16) & mask;
    }
    return sum;
}

uint64_t baseline_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000ull + (uint64_t)now.tv_nsec;
}

size_t baseline_heap_in_use(void) { return mallinfo2().uordblks; }
