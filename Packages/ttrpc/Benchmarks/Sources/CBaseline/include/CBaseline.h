// SPDX-License-Identifier: Apache-2.0
// The same bytes over the same kind of socket in C, and a count of allocations.
#ifndef CBASELINE_H
#define CBASELINE_H

#include <stdint.h>

// Starts a thread that answers each request of so many bytes with so many bytes. Returns the client's end, or -1.
int baseline_start(uint32_t request_count, uint32_t answer_count);
// One round trip. Returns 0, or -1.
int baseline_call(int fd, uint32_t request_count, uint32_t answer_count);
uint64_t baseline_clock(void);
uint64_t baseline_allocations(void);

#endif
