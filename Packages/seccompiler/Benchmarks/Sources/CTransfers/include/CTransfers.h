// SPDX-License-Identifier: Apache-2.0
// The system calls by which a device thread serves one request, and nothing else.
#pragma once
#include <stddef.h>

enum transfers_kind {
    TRANSFERS_BLOCK,  // preadv of a file in memory
    TRANSFERS_VSOCK,  // sendmsg into a stream of Unix sockets and recvmsg out of it: a packet each way
};

struct transfers {
    enum transfers_kind kind;
    size_t byte_count;
    char *buffer;
    int events, doorbell, interrupt, disk, sockets[2];
    size_t offset;
};

// 0, or -1 with errno.
int transfers_init(struct transfers *transfers, enum transfers_kind kind, size_t byte_count);
// Serves so many requests: hears of one, moves the data, interrupts the guest. 0, or -1.
int transfers_run(struct transfers *transfers, long count);
