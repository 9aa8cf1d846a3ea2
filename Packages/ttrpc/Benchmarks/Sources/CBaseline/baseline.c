// SPDX-License-Identifier: Apache-2.0
#include "CBaseline.h"
#include <pthread.h>
#include <stddef.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct server {
    int fd;
    uint32_t request_count, answer_count;
};

static int read_all(int fd, char *buffer, size_t count) {
    while (count > 0) {
        ssize_t got = read(fd, buffer, count);
        if (got <= 0) return -1;
        buffer += got;
        count -= (size_t)got;
    }
    return 0;
}

static int write_all(int fd, const char *buffer, size_t count) {
    while (count > 0) {
        ssize_t got = send(fd, buffer, count, MSG_NOSIGNAL);
        if (got <= 0) return -1;
        buffer += got;
        count -= (size_t)got;
    }
    return 0;
}

static void *serve(void *argument) {
    static char buffer[1 << 21];
    struct server *server = argument;
    while (read_all(server->fd, buffer, server->request_count) == 0 &&
           write_all(server->fd, buffer, server->answer_count) == 0) {
    }
    return NULL;
}

int baseline_start(uint32_t request_count, uint32_t answer_count) {
    static struct server servers[8];
    static int used;
    int ends[2];
    pthread_t thread;
    if (used == 8 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return -1;
    servers[used] = (struct server){ends[1], request_count, answer_count};
    if (pthread_create(&thread, NULL, serve, &servers[used++]) != 0) return -1;
    pthread_detach(thread);
    return ends[0];
}

int baseline_call(int fd, uint32_t request_count, uint32_t answer_count) {
    static char buffer[1 << 21];
    if (write_all(fd, buffer, request_count) != 0) return -1;
    return read_all(fd, buffer, answer_count);
}

uint64_t baseline_clock(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

// The program's malloc, in front of the C library's.
extern void *__libc_malloc(size_t);
extern void *__libc_calloc(size_t, size_t);
extern void *__libc_realloc(void *, size_t);
static uint64_t allocations;

void *malloc(size_t n) {
    __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_malloc(n);
}

void *calloc(size_t n, size_t size) {
    __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_calloc(n, size);
}

void *realloc(void *old, size_t n) {
    __atomic_fetch_add(&allocations, 1, __ATOMIC_RELAXED);
    return __libc_realloc(old, n);
}

uint64_t baseline_allocations(void) { return __atomic_load_n(&allocations, __ATOMIC_RELAXED); }
