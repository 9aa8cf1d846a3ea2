// SPDX-License-Identifier: Apache-2.0
// The same work in C with the same checks, and a count of allocations.
#ifndef CBASELINE_H
#define CBASELINE_H

#include <stdint.h>
#include <sys/uio.h>

struct baseline_vectors {
    struct iovec list[256];
    uint32_t count;
    uint64_t byte_count;
};

struct baseline_queue {
    const uint8_t *descriptors;
    const uint8_t *available;
    uint8_t *used;
    // One region of guest memory.
    uint64_t region_start, region_byte_count;
    uint8_t *region_host;
    uint16_t size, next_available, next_used, in_flight;
    // A packed ring: `descriptors` is the ring, and both sides begin at slot 0 with the wrap counter at 1.
    int is_packed;
    uint16_t slot;
    int wrap;
    // What a chain was translated to.
    struct baseline_vectors readable, writable;
    // Whether indirect tables were negotiated; whether the region is writable and untracked; whether the rings are tracked.
    int has_indirect, is_plain, is_tracked;
    int is_broken;
    uint32_t unsignalled;
};

// Takes, walks and returns all chains; publishes once at the end, or with each. Returns the bytes of all chains, or
// minus one if a rule is broken.
int64_t baseline_serve(struct baseline_queue *queue, int translates, int publishes_each);
// Takes and returns all chains without walking them.
int64_t baseline_return(struct baseline_queue *queue, int publishes_each);
void baseline_offer(uint8_t *available, uint16_t index);
// Writes descriptors of a packed ring.
void baseline_offer_packed(uint8_t *slot, const uint8_t *descriptors, uint32_t count);
uint64_t baseline_clock(void);
uint64_t baseline_allocations(void);

#endif
