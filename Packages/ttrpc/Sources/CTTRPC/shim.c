// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CTTRPC.h"
#include <stddef.h>
#include <sys/socket.h>

int cttrpc_accept(int listener) { return accept4(listener, NULL, NULL, SOCK_CLOEXEC); }
