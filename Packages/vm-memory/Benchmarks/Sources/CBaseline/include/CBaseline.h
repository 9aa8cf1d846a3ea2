// SPDX-License-Identifier: Apache-2.0
// The loops that the Swift figures stand beside: volatile accesses through a pointer, and memcpy.
#ifndef CBASELINE_H
#define CBASELINE_H

#include <stddef.h>
#include <stdint.h>

uint64_t baseline_load(const void *base, uint64_t mask, uint64_t count);
void baseline_store(void *base, uint64_t mask, uint64_t count);
uint64_t baseline_chase(const void *start, uint64_t count);
uint64_t baseline_load_scattered(const void *base, uint64_t mask, uint64_t count);
void baseline_store_and_mark(void *base, void *bits, uint64_t mask, uint64_t count);
void baseline_copy(void *to, const void *from, size_t bytes, uint64_t mask, uint64_t count);
uint64_t baseline_fetch_or(void *base, uint64_t mask, uint64_t count);
uint64_t baseline_load_pair(const void *base, uint64_t mask, uint64_t count);
uint64_t baseline_clock(void);
size_t baseline_heap_in_use(void);

#endif
