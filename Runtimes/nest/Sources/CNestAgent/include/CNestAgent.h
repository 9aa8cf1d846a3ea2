// SPDX-License-Identifier: Apache-2.0
// What `import Glibc` does not offer. _GNU_SOURCE is not defined here: it changes types that the Glibc module defines too.
#ifndef CNESTAGENT_H
#define CNESTAGENT_H

#include <spawn.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/types.h>

// Only declared under _GNU_SOURCE.
int pipe2(int ends[2], int flags);

// A listening vsock socket of any local address, or -1.
int nest_vsock_listen(uint32_t port);

// Accepts a connection. `cid` and `port` are the peer's; of a Unix socket with an abstract name the number at the name's end
// is its port, and the CID is the host's. -1 on failure.
int nest_accept(int listener, uint32_t *cid, uint32_t *port);

// Takes the one descriptor that a message on a Unix socket carries: -1 on failure, with EBADMSG for a message without.
int nest_receive_descriptor(int socket);

// The number of a child that has ended and stays a zombie: waits for one; -1 with ECHILD without children.
pid_t nest_ended_child(void);

// Exit code, or 128 + the signal that ended it.
int nest_exit_status(int status);

// Ends of processes of this one that lose their parent are ours to see.
int nest_become_subreaper(void);

int nest_set_window_size(int terminal, uint16_t rows, uint16_t columns);
int nest_loopback_up(void);
// Credits the bytes as entropy and makes the kernel use them at once.
int nest_add_entropy(const void *bytes, size_t count);
// As pid 1, where SIGINT is what ctrl-alt-del sends.
int nest_disable_ctrl_alt_del(void);
int nest_raise_limits(void);

// The calling thread, when woken, does not take the processor from who woke it.
int nest_run_in_batches(void);

#endif
