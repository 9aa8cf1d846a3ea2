// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CSeccompilerBPF.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

int cseccompiler_set_no_new_privs(void) {
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

long cseccompiler_set_filter(unsigned int flags, const uint64_t *instructions, uint16_t count) {
    struct sock_fprog program = {.len = count, .filter = (struct sock_filter *)instructions};
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program);
}

int cseccompiler_action_is_available(uint32_t action) {
    return (int)syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action);
}
