// SPDX-License-Identifier: Apache-2.0
// What answers a system call that a thread's filter refuses: code that runs in a signal handler, where Swift must not.
#ifndef CSWIFTLETVMM_H
#define CSWIFTLETVMM_H

#include <stddef.h>

// The status of a process that ended by a violation.
enum { cswiftletvmm_violation_status = 148 };

// Takes over SIGSYS: one line on standard error, then `before_exit` (async-signal-safe), then the end with status 148.
// `names` are the system calls' names in the order of their numbers, separated by white space; both pointers must stay good.
// 0, or -1 and errno.
int cswiftletvmm_handle_violations(const char *names, size_t byte_count, void (*before_exit)(void));

// What the line calls the calling thread; 15 bytes are kept.
void cswiftletvmm_name_thread(const char *name);

#endif
