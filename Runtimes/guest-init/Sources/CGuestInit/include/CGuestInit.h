// SPDX-License-Identifier: Apache-2.0
// The C library for Embedded Swift, which has no Glibc module, and the two things Swift must not do itself:
// variadic system calls, and the code between fork and exec.
#ifndef CGUESTINIT_H
#define CGUESTINIT_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/// open(2) without its variadic mode; always close-on-exec.
int guest_open(const char *path, int flags);

/// Makes reads and writes answer EAGAIN instead of waiting.
int guest_set_nonblocking(int fd);

/// finit_module(2) with no parameters.
int guest_load_module(int fd);

/// A signalfd for SIGCHLD, which is blocked from then on.
int guest_child_signals(void);

/// Starts argv[0], searched in the PATH of envp, as a new session with the three descriptors as standard streams.
/// Returns the process id, or minus the errno of fork, chdir or exec.
int guest_spawn(char *const argv[], char *const envp[], const char *directory, int in, int out, int err);

/// Becomes the program, with no arguments and a PATH as its whole environment. Returns only if that failed, with errno set.
void guest_exec(const char *program);

/// A macro in C; read it in the statement after the call.
static inline int guest_errno(void) { return errno; }

static inline void guest_ignore_broken_pipes(void) { signal(SIGPIPE, SIG_IGN); }

static inline int guest_exit_code(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : -1; }
static inline int guest_end_signal(int status) { return WIFSIGNALED(status) ? WTERMSIG(status) : 0; }

#endif
