// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CTransfers.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

static const size_t disk_byte_count = 16 << 20;

int transfers_init(struct transfers *t, enum transfers_kind kind, size_t byte_count) {
    *t = (struct transfers){.kind = kind, .byte_count = byte_count, .buffer = aligned_alloc(4096, byte_count)};
    if (!t->buffer) return -1;
    memset(t->buffer, 1, byte_count);
    t->events = epoll_create1(EPOLL_CLOEXEC);
    // It is read one by one, and never empty.
    t->doorbell = eventfd(UINT32_MAX, EFD_SEMAPHORE | EFD_CLOEXEC);
    t->interrupt = eventfd(0, EFD_CLOEXEC);
    t->disk = memfd_create("disk", MFD_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN};
    if (t->events < 0 || t->doorbell < 0 || t->interrupt < 0 || t->disk < 0) return -1;
    if (epoll_ctl(t->events, EPOLL_CTL_ADD, t->doorbell, &event) < 0) return -1;
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, t->sockets) < 0) return -1;
    // The file's pages are there before anything is measured.
    for (size_t at = 0; at < disk_byte_count; at += byte_count)
        if (pwrite(t->disk, t->buffer, byte_count, (off_t)at) != (ssize_t)byte_count) return -1;
    return 0;
}

static int move(struct transfers *t) {
    struct iovec vector = {.iov_base = t->buffer, .iov_len = t->byte_count};
    ssize_t whole = (ssize_t)t->byte_count;
    if (t->kind == TRANSFERS_BLOCK) {
        size_t at = t->offset;
        t->offset = (at + t->byte_count) % disk_byte_count;
        return preadv(t->disk, &vector, 1, (off_t)at) == whole;
    }
    struct msghdr message = {.msg_iov = &vector, .msg_iovlen = 1};
    return sendmsg(t->sockets[0], &message, MSG_NOSIGNAL) == whole && recvmsg(t->sockets[1], &message, 0) == whole;
}

int transfers_run(struct transfers *t, long count) {
    for (long i = 0; i < count; i++) {
        struct epoll_event event;
        uint64_t value = 1;
        if (epoll_wait(t->events, &event, 1, -1) != 1) return -1;
        if (read(t->doorbell, &value, sizeof value) != sizeof value) return -1;
        if (!move(t)) return -1;
        if (write(t->interrupt, &value, sizeof value) != sizeof value) return -1;
    }
    return 0;
}
