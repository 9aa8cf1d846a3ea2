// SPDX-License-Identifier: Apache-2.0
#include "CBaseline.h"

#include <stddef.h>
#include <string.h>
#include <time.h>

enum { NEXT = 1, WRITE = 2, INDIRECT = 4, AVAILABLE = 1 << 7, USED = 1 << 15 };

static inline uint16_t load16(const void *p) { return __atomic_load_n((const uint16_t *)p, __ATOMIC_RELAXED); }
static inline uint64_t load64(const void *p) { return __atomic_load_n((const uint64_t *)p, __ATOMIC_RELAXED); }

static inline uint8_t *translate(struct baseline_queue *q, uint64_t address, uint32_t n) {
    uint64_t offset = address - q->region_start;
    if (offset >= q->region_byte_count || n > q->region_byte_count - offset) return NULL;
    return q->region_host + offset;
}

static inline int append(struct baseline_vectors *v, uint8_t *host, uint32_t n) {
    if (v->count == 256) return 0;
    v->list[v->count] = (struct iovec){host, n};
    v->count += 1;
    v->byte_count += n;
    return 1;
}

static inline void clear(struct baseline_queue *q) {
    q->readable.count = q->writable.count = 0;
    q->readable.byte_count = q->writable.byte_count = 0;
}

// What was published since the driver was last considered for an interrupt. There is no bitmap of dirty pages here.
static inline int count_published(struct baseline_queue *q, uint32_t count) {
    if (__builtin_add_overflow(q->unsignalled, count, &q->unsignalled)) q->unsignalled = UINT32_MAX;
    return !q->is_tracked;
}

static int64_t walk(struct baseline_queue *q, uint16_t head, int translates) {
    const uint8_t *table = q->descriptors;
    uint32_t count = q->size, position = head;
    uint16_t left = q->size;
    int is_indirect = 0, saw_writable = 0;
    uint64_t total = 0;
    if (translates) clear(q);
    for (;;) {
        const uint8_t *entry = table + 16 * (size_t)position;
        uint64_t address = load64(entry), rest = load64(entry + 8);
        uint32_t length = (uint32_t)rest;
        uint16_t flags = (uint16_t)(rest >> 32), next = (uint16_t)(rest >> 48);
        if (flags & INDIRECT) {
            if (is_indirect || !q->has_indirect || length == 0 || length % 16 != 0 || length / 16 > q->size) return -1;
            table = translate(q, address, length);
            if (table == NULL || (uintptr_t)table % 8 != 0) return -1;
            is_indirect = 1;
            count = length / 16;
            position = 0;
            continue;
        }
        if (left == 0) return -1;
        left -= 1;
        if (flags & WRITE) saw_writable = 1;
        else if (saw_writable) return -1;
        total += length;
        if (total > UINT32_MAX) return -1;
        if (translates && length > 0) {
            uint8_t *host = translate(q, address, length);
            if (host == NULL || ((flags & WRITE) && !q->is_plain)) return -1;
            if (!append(flags & WRITE ? &q->writable : &q->readable, host, length)) return -1;
        }
        if (!(flags & NEXT)) return (int64_t)total;
        if (next >= count) return -1;
        position = next;
    }
}

// Everything that the rings' bytes could alias is in locals.
static inline int64_t serve(struct baseline_queue *q, int walks, int translates, int publishes_each) {
    const uint16_t size = q->size, mask = size - 1;
    const uint8_t *const available = q->available;
    uint8_t *const used = q->used;
    uint16_t next_available = q->next_available, next_used = q->next_used, in_flight = q->in_flight, staged = 0;
    int64_t sum = 0;
    uint16_t index = __atomic_load_n((const uint16_t *)(available + 2), __ATOMIC_ACQUIRE);
    if ((uint16_t)(index - next_available) > size) return -1;
    while (next_available != index) {
        if (in_flight >= size) return -1;
        uint16_t head = load16(available + 4 + 2 * (size_t)(next_available & mask));
        if (head >= size) return -1;
        next_available += 1;
        in_flight += 1;
        int64_t total = 0;
        if (walks) {
            total = walk(q, head, translates);
            if (total < 0) return -1;
        }
        sum += total;
        uint8_t *entry = used + 4 + 8 * (size_t)(next_used & mask);
        __atomic_store_n((uint32_t *)entry, head, __ATOMIC_RELAXED);
        __atomic_store_n((uint32_t *)(entry + 4), (uint32_t)total, __ATOMIC_RELAXED);
        next_used += 1;
        in_flight -= 1;
        staged += 1;
        if (publishes_each) {
            __atomic_store_n((uint16_t *)(used + 2), next_used, __ATOMIC_RELEASE);
            if (!count_published(q, staged)) return -1;
            staged = 0;
        }
    }
    if (staged > 0) {
        __atomic_store_n((uint16_t *)(used + 2), next_used, __ATOMIC_RELEASE);
        if (!count_published(q, staged)) return -1;
    }
    q->next_available = next_available;
    q->next_used = next_used;
    q->in_flight = in_flight;
    return sum;
}

static inline int is_available(uint16_t flags, int wrap) {
    return !!(flags & AVAILABLE) == wrap && !!(flags & USED) != wrap;
}

static int64_t walk_packed(struct baseline_queue *q, uint16_t slot, uint32_t slots, int translates) {
    const uint8_t *table = q->descriptors;
    uint32_t count = q->size, position = slot, left = slots;
    int is_indirect = 0, saw_writable = 0;
    uint64_t total = 0;
    if (translates) clear(q);
    while (left > 0) {
        const uint8_t *entry = table + 16 * (size_t)position;
        uint64_t address = load64(entry), rest = load64(entry + 8);
        uint32_t length = (uint32_t)rest;
        uint16_t flags = (uint16_t)(rest >> 48);
        if (!is_indirect && (flags & INDIRECT)) {
            if (slots > 1 || !q->has_indirect || length == 0 || length % 16 != 0 || length / 16 > q->size) return -1;
            table = translate(q, address, length);
            if (table == NULL || (uintptr_t)table % 8 != 0) return -1;
            is_indirect = 1;
            count = left = length / 16;
            position = 0;
            continue;
        }
        left -= 1;
        if (flags & WRITE) saw_writable = 1;
        else if (saw_writable) return -1;
        total += length;
        if (total > UINT32_MAX) return -1;
        if (translates && length > 0) {
            uint8_t *host = translate(q, address, length);
            if (host == NULL || ((flags & WRITE) && !q->is_plain)) return -1;
            if (!append(flags & WRITE ? &q->writable : &q->readable, host, length)) return -1;
        }
        position = position + 1 == count ? 0 : position + 1;
    }
    return (int64_t)total;
}

// All that is taken is given back, so both sides are at one slot at the beginning and at the end.
static inline int64_t serve_packed(struct baseline_queue *q, int walks, int translates, int publishes_each) {
    const uint32_t size = q->size;
    uint8_t *const ring = (uint8_t *)q->descriptors;
    uint32_t next_available = q->slot, next_used = q->slot, first = q->slot, staged = 0;
    int wrap_available = q->wrap, wrap_used = q->wrap;
    uint16_t first_flags = 0;
    int64_t sum = 0;
    for (;;) {
        const uint32_t slot = next_available;
        uint16_t flags = __atomic_load_n((const uint16_t *)(ring + 16 * (size_t)slot + 14), __ATOMIC_ACQUIRE);
        if (!is_available(flags, wrap_available)) break;
        if (staged >= size) return -1;
        uint32_t slots = 1, last = slot;
        while (flags & NEXT) {
            if (slots >= size - staged) return -1;
            last += 1;
            if (last == size) last = 0, wrap_available = !wrap_available;
            slots += 1;
            flags = load16(ring + 16 * (size_t)last + 14);
            if (!is_available(flags, wrap_available)) return -1;
        }
        uint16_t id = load16(ring + 16 * (size_t)last + 12);
        next_available = last + 1;
        if (next_available == size) next_available = 0, wrap_available = !wrap_available;
        int64_t total = 0;
        if (walks) {
            total = walk_packed(q, (uint16_t)slot, slots, translates);
            if (total < 0) return -1;
        }
        sum += total;
        uint8_t *entry = ring + 16 * (size_t)next_used;
        __atomic_store_n((uint32_t *)(entry + 8), (uint32_t)total, __ATOMIC_RELAXED);
        __atomic_store_n((uint16_t *)(entry + 12), id, __ATOMIC_RELAXED);
        uint16_t used = (wrap_used ? AVAILABLE | USED : 0) | (total > 0 ? WRITE : 0);
        if (staged == 0) first = next_used, first_flags = used;
        else __atomic_store_n((uint16_t *)(entry + 14), used, __ATOMIC_RELAXED);
        staged += slots;
        next_used += slots;
        if (next_used >= size) next_used -= size, wrap_used = !wrap_used;
        if (publishes_each) {
            __atomic_store_n((uint16_t *)(ring + 16 * (size_t)first + 14), first_flags, __ATOMIC_RELEASE);
            if (!count_published(q, staged)) return -1;
            staged = 0;
        }
    }
    if (staged > 0) {
        __atomic_store_n((uint16_t *)(ring + 16 * (size_t)first + 14), first_flags, __ATOMIC_RELEASE);
        if (!count_published(q, staged)) return -1;
    }
    q->slot = (uint16_t)next_used;
    q->wrap = wrap_used;
    return sum;
}

// A ring that is broken stays so.
static int64_t kept(struct baseline_queue *q, int64_t result) {
    if (result < 0) q->is_broken = 1;
    return result;
}

int64_t baseline_serve(struct baseline_queue *q, int translates, int publishes_each) {
    if (q->is_broken) return -1;
    if (q->is_packed)
        return kept(q, translates ? serve_packed(q, 1, 1, publishes_each) : serve_packed(q, 1, 0, publishes_each));
    return kept(q, translates ? serve(q, 1, 1, publishes_each) : serve(q, 1, 0, publishes_each));
}

int64_t baseline_return(struct baseline_queue *q, int publishes_each) {
    if (q->is_broken) return -1;
    return kept(q, q->is_packed ? serve_packed(q, 0, 0, publishes_each) : serve(q, 0, 0, publishes_each));
}

void baseline_offer(uint8_t *available, uint16_t index) {
    __atomic_store_n((uint16_t *)(available + 2), index, __ATOMIC_RELEASE);
}

void baseline_offer_packed(uint8_t *slot, const uint8_t *descriptors, uint32_t count) {
    memcpy(slot, descriptors, 16 * (size_t)count);
    __atomic_thread_fence(__ATOMIC_RELEASE);
}

uint64_t baseline_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
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
