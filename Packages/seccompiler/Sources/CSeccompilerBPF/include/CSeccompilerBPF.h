// SPDX-License-Identifier: Apache-2.0
// System calls that `import Glibc` does not offer, all of which answer -1 and set errno when they fail; and what answers a call
// that a filter refuses: code that runs in a signal handler, where Swift must not.
#ifndef CSECCOMPILERBPF_H
#define CSECCOMPILERBPF_H

#include <stddef.h>
#include <stdint.h>

// prctl(PR_SET_NO_NEW_PRIVS, 1): the thread and what it starts gain no privileges from execve any more.
int cseccompiler_set_no_new_privs(void);

// seccomp(SECCOMP_SET_MODE_FILTER): `instructions` are `count` of struct sock_filter, 8 bytes each. The answer is the
// system call's: 0, a descriptor, or with TSYNC the thread that could not follow.
long cseccompiler_set_filter(unsigned int flags, const uint64_t *instructions, uint16_t count);

// seccomp(SECCOMP_GET_ACTION_AVAIL).
int cseccompiler_action_is_available(uint32_t action);

// How a violation is told. All pointers must stay good.
struct cseccompiler_report {
    const char *program;          // the line's first word
    const char *call_names;       // of all system calls in the order of their numbers, separated by white space
    size_t call_names_byte_count;
    void (*before_exit)(void);    // async-signal-safe, or NULL
    int descriptor;               // where the line goes
    int status;                   // with which the process ends
};

// Takes over SIGSYS: one line, then `before_exit`, then the end. 0, or -1 and errno.
int cseccompiler_report_violations(const struct cseccompiler_report *how);

// Ends the process as a violation does, with this in place of the call. After cseccompiler_report_violations.
_Noreturn void cseccompiler_end(const char *reason);

// What the line calls the calling thread; 15 bytes are kept. Others are called as the kernel calls them (PR_SET_NAME).
void cseccompiler_name_thread(const char *name);

#endif
