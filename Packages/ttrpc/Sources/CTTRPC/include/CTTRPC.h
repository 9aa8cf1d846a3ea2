// SPDX-License-Identifier: Apache-2.0
// accept4, which hides behind _GNU_SOURCE: a descriptor must never be open without close-on-exec.
#ifndef CTTRPC_H
#define CTTRPC_H

// Without the peer's address, close-on-exec, blocking.
int cttrpc_accept(int listener);

#endif
