// SPDX-License-Identifier: Apache-2.0
#ifndef CEXITLOOP_H
#define CEXITLOOP_H

#include <stddef.h>

/// Maps a vCPU's shared area; NULL on failure.
void *exit_loop_map(int vcpu, size_t byte_count);
/// Takes `count` port writes and adds up their values; -1 on any other exit.
long exit_loop_run(int vcpu, void *area, long count);
/// Calls of malloc, calloc and realloc in this process so far.
unsigned long exit_loop_allocations(void);
/// Bytes in use by malloc now (mallinfo2).
size_t exit_loop_bytes_in_use(void);

#endif
