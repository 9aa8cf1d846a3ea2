// SPDX-License-Identifier: Apache-2.0
// The same transfers by plain calls, and a count of allocations.
#ifndef CBASELINE_H
#define CBASELINE_H

#include <stdint.h>
#include <sys/types.h>

// A file in memory of so many bytes, or minus one.
int baseline_file(off_t byte_count);
// `count` transfers of `size` bytes by pread or pwrite, one after the other in file and memory. Returns the bytes moved.
int64_t baseline_transfer(int file, uint8_t *memory, uint32_t size, uint32_t count, int writes);
// Processor time of this process in nanoseconds, of the kernel's threads for it too.
uint64_t baseline_clock(void);
uint64_t baseline_allocations(void);
// Bytes that malloc has given out, in pages of their own too.
uint64_t baseline_heap(void);

#endif
