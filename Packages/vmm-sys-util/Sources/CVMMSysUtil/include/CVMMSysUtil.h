// SPDX-License-Identifier: Apache-2.0
// What `import Glibc` does not offer.
//
// _GNU_SOURCE is not defined here: it changes the layout of types (fd_set) that the Glibc module defines too, and
// the compiler refuses two definitions. What only _GNU_SOURCE declares is declared by hand.
#ifndef CVMMSYSUTIL_H
#define CVMMSYSUTIL_H

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/timerfd.h>

int memfd_create(const char *name, unsigned int flags);
const char *strerrordesc_np(int error);
const char *strerrorname_np(int error);

#endif
