// SPDX-License-Identifier: Apache-2.0
// What `import Glibc` does not offer.
//
// _GNU_SOURCE is not defined here: it changes the layout of types (fd_set) that the Glibc module defines too, and
// the compiler refuses two definitions. What only _GNU_SOURCE declares is declared by hand.
#ifndef CVMMSYSUTIL_H
#define CVMMSYSUTIL_H

#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <stdint.h>
#include <termios.h>

int memfd_create(const char *name, unsigned int flags);
const char *strerrordesc_np(int error);
const char *strerrorname_np(int error);
int mkostemp(char *template, int flags);
int pipe2(int ends[2], int flags);
int pthread_attr_setsigmask_np(pthread_attr_t *attributes, const sigset_t *mask);
int pthread_setname_np(pthread_t thread, const char *name);
int gettid(void);

// timerfd_create, and timerfd_settime in nanoseconds: its structure belongs to more than one header that Swift sees, and
// which of them a package sees depends on what is built before it.
int vmm_timer_create(int clock);
int vmm_timer_set(int fd, int is_absolute, uint64_t first, uint64_t interval);

// An argument of the program; NULL behind the last.
const char *vmm_program_argument(int index);

// The terminal to put back. Plain C statics, because a signal handler must not touch what Swift initialises lazily.
int vmm_terminal_arm(int fd, const struct termios *saved);
void vmm_terminal_disarm(void);
void vmm_terminal_restore(void);
int vmm_terminal_restore_on(int signal);

#endif
