// SPDX-License-Identifier: Apache-2.0
#include "CGuestInit.h"
#include <sys/ioctl.h>
#include <sys/syscall.h>

int guest_open(const char *path, int flags) { return open(path, flags | O_CLOEXEC, 0644); }

int guest_load_module(int fd) { return (int)syscall(SYS_finit_module, fd, "", 0); }

int guest_child_signals(void) {
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGCHLD);
    if (sigprocmask(SIG_BLOCK, &set, NULL) < 0) return -1;
    return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

int guest_spawn(char *const argv[], char *const envp[], const char *directory, int in, int out, int err) {
    int report[2];
    if (pipe2(report, O_CLOEXEC) < 0) return -errno;
    pid_t child = fork();
    if (child < 0) {
        int error = errno;
        close(report[0]);
        close(report[1]);
        return -error;
    }
    if (child == 0) {
        sigset_t none;
        sigemptyset(&none);
        sigprocmask(SIG_SETMASK, &none, NULL);
        signal(SIGPIPE, SIG_DFL);
        setsid();
        if (dup2(in, 0) >= 0 && dup2(out, 1) >= 0 && dup2(err, 2) >= 0 && chdir(directory) == 0) {
            environ = (char **)envp;
            execvp(argv[0], argv);
        }
        int error = errno;
        (void)!write(report[1], &error, sizeof error);
        _exit(127);
    }
    close(report[1]);
    int error = 0;
    ssize_t count;
    do count = read(report[0], &error, sizeof error);
    while (count < 0 && errno == EINTR);
    close(report[0]);
    if (count == (ssize_t)sizeof error) {
        waitpid(child, NULL, 0);
        return -error;
    }
    return child;
}

void guest_exec(const char *program) {
    char *const arguments[] = {(char *)program, NULL};
    char *const environment[] = {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL};
    execve(program, arguments, environment);
}

int guest_set_nonblocking(int fd) { return fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK); }
