// SPDX-License-Identifier: Apache-2.0
// Loads a guest's devices and tells how much went through; static, so that it runs in an initramfs and in the lab.
//
//   device-load disk DEVICE read|write random|sequential BYTES DEPTH MS   guest: requests a second, DEPTH of them in flight
//   device-load vsock send|receive PORT MS                                guest: bytes a second to or from the host's PORT
//   device-load serve-vsock PORT, serve-unix PATH                         host: the other end, for ever
//
// The disk is read and written past the guest's page cache. A stream begins with a byte that says which way it goes; what
// was sent counts when the host has said that it read it all.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/aio_abi.h>
#include <linux/fs.h>
#include <linux/vm_sockets.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { depth_max = 64, piece = 65536 };
static char bytes[piece];

static _Noreturn void die(const char *what) {
    fprintf(stderr, "device-load: %s: %s\n", what, strerror(errno));
    exit(1);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void disk(const char *path, int is_write, int is_random, size_t size, long depth, double seconds) {
    int file = open(path, (is_write ? O_RDWR : O_RDONLY) | O_DIRECT | O_CLOEXEC);
    if (file < 0) die(path);
    uint64_t total;
    if (ioctl(file, BLKGETSIZE64, &total)) die("BLKGETSIZE64");
    uint64_t blocks = total / size, next = 0, random = 88172645463325252u, done = 0;
    if (depth < 1 || depth > depth_max || blocks < 1) errno = EINVAL, die("depth or size");
    aio_context_t context = 0;
    if (syscall(SYS_io_setup, depth_max, &context)) die("io_setup");
    char *memory = aligned_alloc(4096, size * (size_t)depth);
    if (!memory) die("memory");
    memset(memory, 0x5a, size * (size_t)depth);
    struct iocb requests[depth_max], *list[depth_max];
    struct io_event events[depth_max];
    memset(requests, 0, sizeof requests);
    for (long i = 0; i < depth; i++) {
        requests[i].aio_fildes = (uint32_t)file;
        requests[i].aio_lio_opcode = is_write ? IOCB_CMD_PWRITE : IOCB_CMD_PREAD;
        requests[i].aio_buf = (uint64_t)(uintptr_t)(memory + size * (size_t)i);
        requests[i].aio_nbytes = size;
        list[i] = &requests[i];
    }
    long idle = depth, flying = 0;
    double begin = now(), end = begin;
    while (end - begin < seconds || flying > 0) {
        if (end - begin >= seconds) idle = 0;
        for (long i = 0; i < idle; i++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            list[i]->aio_offset = (int64_t)((is_random ? random % blocks : next++ % blocks) * size);
        }
        for (long sent = 0; sent < idle;) {
            long count = syscall(SYS_io_submit, context, idle - sent, list + sent);
            if (count <= 0) die("io_submit");
            sent += count;
        }
        flying += idle;
        long count = syscall(SYS_io_getevents, context, 1, depth, events, NULL);
        if (count < 1) die("io_getevents");
        for (long i = 0; i < count; i++) {
            if (events[i].res != (int64_t)size) errno = events[i].res < 0 ? (int)-events[i].res : EIO, die("a request");
            list[i] = (struct iocb *)(uintptr_t)events[i].obj;
        }
        idle = count, flying -= count, done += (uint64_t)count;
        end = now();
    }
    printf("%.1f\n", (double)done / (end - begin));
}

static void write_all(int file, const char *from, size_t count) {
    while (count > 0) {
        ssize_t some = write(file, from, count);
        if (some <= 0) die("write");
        from += some, count -= (size_t)some;
    }
}

static void stream(int is_send, unsigned port, double seconds) {
    int file = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct sockaddr_vm host = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_HOST, .svm_port = port};
    if (file < 0 || connect(file, (struct sockaddr *)&host, sizeof host)) die("connect");
    write_all(file, is_send ? "s" : "r", 1);
    uint64_t total = 0;
    double begin = now();
    while (now() - begin < seconds) {
        ssize_t some = is_send ? write(file, bytes, piece) : read(file, bytes, piece);
        if (some <= 0) die("stream");
        total += (uint64_t)some;
    }
    if (is_send) {
        if (shutdown(file, SHUT_WR) || read(file, bytes, 1) != 1) die("the host's word");
    }
    printf("%.1f\n", (double)total / (now() - begin));
}

static _Noreturn void serve(int family, const char *place) {
    int file = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), failed;
    if (family == AF_UNIX) {
        struct sockaddr_un address = {.sun_family = AF_UNIX};
        strncpy(address.sun_path, place, sizeof address.sun_path - 1);
        failed = bind(file, (struct sockaddr *)&address, sizeof address);
    } else {
        struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_cid = VMADDR_CID_ANY, .svm_port = (unsigned)atoi(place)};
        failed = bind(file, (struct sockaddr *)&address, sizeof address);
    }
    if (file < 0 || failed || listen(file, 8)) die(place);
    for (;;) {
        int peer = accept4(file, NULL, NULL, SOCK_CLOEXEC);
        char way;
        if (peer < 0) die("accept");
        if (read(peer, &way, 1) == 1 && way == 's') {
            while (read(peer, bytes, piece) > 0) {}
            if (send(peer, ".", 1, MSG_NOSIGNAL) < 0) {}
        } else {
            while (send(peer, bytes, piece, MSG_NOSIGNAL) > 0) {}
        }
        close(peer);
    }
}

int main(int argc, char **argv) {
    if (argc == 8 && strcmp(argv[1], "disk") == 0) {
        disk(argv[2], strcmp(argv[3], "write") == 0, strcmp(argv[4], "random") == 0, strtoul(argv[5], NULL, 10), atol(argv[6]),
             atof(argv[7]) / 1000);
    } else if (argc == 5 && strcmp(argv[1], "vsock") == 0) {
        stream(strcmp(argv[2], "send") == 0, (unsigned)atoi(argv[3]), atof(argv[4]) / 1000);
    } else if (argc == 3 && strcmp(argv[1], "serve-vsock") == 0) {
        serve(AF_VSOCK, argv[2]);
    } else if (argc == 3 && strcmp(argv[1], "serve-unix") == 0) {
        serve(AF_UNIX, argv[2]);
    } else {
        return fprintf(stderr, "usage: see device-load.c\n"), 2;
    }
    return 0;
}
