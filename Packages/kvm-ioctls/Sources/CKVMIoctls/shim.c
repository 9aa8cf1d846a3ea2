// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CKVMIoctls.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

// SIGURG, because: it is not a real-time signal, so sending it cannot fail on a full queue and many of them are one;
// its default is to be ignored, so one that arrives late harms nobody; hardly anybody else uses it.
enum { kickSignal = SIGURG };

static void ignore(int number) { (void)number; }

int ckvm_thread_id(void) {
    static _Thread_local int thread;
    if (thread == 0) thread = (int)syscall(SYS_gettid);
    return thread;
}

int ckvm_prepare_kick_signal(void) {
    struct sigaction current;
    if (sigaction(kickSignal, NULL, &current) != 0) return errno;
    // Any handler makes KVM_RUN return; a handler that the program installed for itself stays.
    if (current.sa_handler == SIG_DFL || current.sa_handler == SIG_IGN) {
        // SA_RESTART: a kick that finds the thread outside KVM_RUN must not make its read(2) fail.
        struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
        sigemptyset(&action.sa_mask);
        if (sigaction(kickSignal, &action, NULL) != 0) return errno;
    }
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, kickSignal);
    return pthread_sigmask(SIG_UNBLOCK, &set, NULL);
}

void ckvm_kick_thread(int thread) {
    int saved = errno;
    syscall(SYS_tgkill, getpid(), thread, kickSignal);
    errno = saved;
}
