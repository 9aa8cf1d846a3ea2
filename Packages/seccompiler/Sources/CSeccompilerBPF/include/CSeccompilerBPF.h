// SPDX-License-Identifier: Apache-2.0
// System calls that `import Glibc` does not offer. All answer -1 and set errno when they fail.
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

#endif
