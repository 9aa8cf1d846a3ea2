// SPDX-License-Identifier: Apache-2.0
// Real system calls under a real filter, in a child process that uses nothing but system calls.
#ifndef CSECCOMPILERPROBE_H
#define CSECCOMPILERPROBE_H

#include <stddef.h>
#include <stdint.h>

enum probe_state { PROBE_NOT_RUN = 0, PROBE_RETURNED = 1, PROBE_TRAPPED = 2 };

struct probe_call {
    uint64_t number;
    uint64_t arguments[6];
    // Uses the 32-bit x86 convention (int $0x80), where there is one.
    uint32_t is_i386;
    // What came of it.
    uint32_t state;
    int64_t result;
    int32_t error;
    // The number that SIGSYS named.
    int32_t trapped_number;
};

// Makes the calls one after the other in a child that has installed the filter (`count` of struct sock_filter).
// The answer is the child's wait status, or -1 with errno: no memory, no process, or what the kernel said to the filter.
int probe_run(const uint64_t *instructions, uint16_t count, struct probe_call *calls, size_t call_count);

// Runs `body` in a child and gives its wait status; the child exits with the answer of `body`, or by SIGALRM after 20 s.
int probe_fork(int (*body)(void *), void *context);

// Whether the kernel takes the program: 0, or the error number. Installs nothing that lives.
int probe_accepts(const uint64_t *instructions, size_t count);

#endif
