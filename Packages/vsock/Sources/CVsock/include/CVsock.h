// SPDX-License-Identifier: Apache-2.0
// What Swift's view of the C library lacks: accept4, which hides behind _GNU_SOURCE.
#ifndef CVSOCK_H
#define CVSOCK_H

// accept4 with SOCK_NONBLOCK and SOCK_CLOEXEC, without the peer's address.
int cvsock_accept(int listener);

#endif
