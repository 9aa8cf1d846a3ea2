// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CSeccompilerProbe.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static struct probe_call *volatile current;

static void trapped(int signal, siginfo_t *info, void *context) {
    (void)signal;
    (void)context;
    if (current) {
        current->state = PROBE_TRAPPED;
        current->trapped_number = info->si_syscall;
    }
}

static int install(const uint64_t *instructions, size_t count) {
    struct sock_fprog program = {.len = (unsigned short)count, .filter = (struct sock_filter *)instructions};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
    return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) == 0 ? 0 : errno;
}

static void make(struct probe_call *call) {
    const uint64_t *a = call->arguments;
    current = call;
    errno = 0;
#if defined(__x86_64__)
    if (call->is_i386) {
        long answer;
        __asm__ volatile("int $0x80"
                         : "=a"(answer)
                         : "a"(call->number), "b"(a[0]), "c"(a[1]), "d"(a[2]), "S"(a[3]), "D"(a[4])
                         : "memory", "r8", "r9", "r10", "r11");
        call->result = answer;
        if (call->state != PROBE_TRAPPED) call->state = PROBE_RETURNED;
        return;
    }
#endif
    call->result = syscall((long)call->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    call->error = call->result == -1 ? errno : 0;
    if (call->state != PROBE_TRAPPED) call->state = PROBE_RETURNED;
}

int probe_run(const uint64_t *instructions, uint16_t count, struct probe_call *calls, size_t call_count) {
    size_t bytes = call_count * sizeof *calls + sizeof(int);
    void *shared = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) return -1;
    struct probe_call *copies = shared;
    int *refusal = (int *)(copies + call_count);
    memcpy(copies, calls, call_count * sizeof *calls);
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        struct sigaction action = {.sa_flags = SA_SIGINFO};
        action.sa_sigaction = trapped;
        sigaction(SIGSYS, &action, NULL);
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        *refusal = install(instructions, count);
        for (size_t i = 0; *refusal == 0 && i < call_count; i++) make(&copies[i]);
        _exit(0);
    }
    int status = -1;
    if (child > 0) {
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    }
    int error = child < 0 ? errno : *refusal;
    memcpy(calls, copies, call_count * sizeof *calls);
    munmap(shared, bytes);
    errno = error;
    return error ? -1 : status;
}

int probe_fork(int (*body)(void *), void *context) {
    pid_t child = fork();
    if (child == 0) {
        alarm(20);
        _exit(body(context));
    }
    int status = -1;
    if (child > 0) {
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    }
    return status;
}

int probe_accepts(const uint64_t *instructions, size_t count) {
    pid_t child = fork();
    if (child == 0) {
        // Every program ends here if it is taken: the child's exit may be refused by it.
        int error = install(instructions, count);
        for (;;) {
            _exit(error);
            kill(getpid(), SIGKILL);
            __builtin_trap();
        }
    }
    int status = -1;
    if (child > 0) {
        while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
    }
    return status >= 0 && WIFEXITED(status) ? WEXITSTATUS(status) : 0;
}
