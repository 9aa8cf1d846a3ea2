// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CVsock.h"
#include <stddef.h>
#include <sys/socket.h>

int cvsock_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC); }
