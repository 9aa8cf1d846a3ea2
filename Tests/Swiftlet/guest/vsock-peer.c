// SPDX-License-Identifier: Apache-2.0
// Both ends of a vsock connection, for tests of swiftlet: static, so that it runs in an initramfs and in the lab.
//
//   vsock-peer echo PORT          guest: accepts for ever, sends back what comes until its end, then ends its half
//   vsock-peer once PORT          guest: the same for one connection
//   vsock-peer connect PORT       guest: to the host's PORT; standard input to it, then the end; from it to standard output
//   vsock-peer packets PORT       guest: to the host's PORT; packets of many sizes there and back, each as it was
//   vsock-peer packet-once PORT   guest: as packet-echo, but no empty packet, which a guest's Linux does not send
//   vsock-peer unix PATH PORT     host: as connect to the guest's PORT, through swiftlet's socket
//   vsock-peer unix-packets PATH PORT   host: as packets to the guest's PORT, through swiftlet's socket for packets
//   vsock-peer raw PATH           host: the same to any Unix socket, without a line before it
//   vsock-peer unix-echo PATH     host: as echo, once, for a guest that connects to PATH's port
//   vsock-peer packet-echo PATH   host: an empty packet, then packets back, for a guest that does `packets`
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <linux/vm_sockets.h>

static _Noreturn void die(const char *what) {
    fprintf(stderr, "vsock-peer: %s: %s\n", what, strerror(errno));
    exit(1);
}

static void write_all(int fd, const char *bytes, size_t count) {
    while (count > 0) {
        ssize_t done = write(fd, bytes, count);
        if (done < 0) die("write");
        bytes += done;
        count -= (size_t)done;
    }
}

static void echo(int fd) {
    static char buffer[65536];
    ssize_t count;
    while ((count = read(fd, buffer, sizeof buffer)) > 0) write_all(fd, buffer, (size_t)count);
    if (count < 0) die("read");
    shutdown(fd, SHUT_WR);
    close(fd);
}

static char packet[300000], answer[sizeof packet];

// One packet of `first` bytes, then each that comes, in one piece, until the end.
static void echo_packets(int fd, ssize_t first) {
    ssize_t count;
    if (send(fd, packet, (size_t)first, 0) != first) die("send the first");
    while ((count = recv(fd, packet, sizeof packet, MSG_TRUNC)) > 0)
        if (send(fd, packet, (size_t)count, 0) != count) die("send");
    if (count < 0) die("receive");
}

// Tells in one line the sizes that came back, what became of one with too little room to read it, and of one too large.
static void exchange_packets(int fd) {
    static const ssize_t sizes[] = {1, 2, 4095, 4096, 4097, 65535, 65536, 65537, 131072, 199999};
    for (size_t index = 0; index < sizeof packet; index++) packet[index] = (char)(index * 31 + (index >> 8));
    ssize_t count = recv(fd, answer, sizeof answer, 0);
    printf("packets: %zd", count);
    // All on their way before the first comes back, as far as they are small.
    for (int index = 0; index < 5; index++)
        if (send(fd, packet, (size_t)sizes[index], 0) != sizes[index]) die("send");
    for (int index = 0; index < 10; index++) {
        if (index >= 5 && send(fd, packet + index, (size_t)sizes[index], 0) != sizes[index]) die("send");
        count = recv(fd, answer, sizeof answer, MSG_TRUNC);
        if (count < 0) die("receive");
        printf(" %zd%s", count, memcmp(answer, packet + (index >= 5 ? index : 0), (size_t)count) ? " wrong" : "");
    }
    if (send(fd, packet, 5000, 0) != 5000) die("send");
    count = recv(fd, answer, 10, MSG_TRUNC);
    printf(" cut %zd", count);
    count = send(fd, packet, sizeof packet, 0);
    printf(" too large %s\n", count < 0 ? "told" : "not told");
}

// Two processes: who only writes while the other side only writes would wait for ever.
static void relay(int fd) {
    static char buffer[65536];
    ssize_t count;
    pid_t sender = fork();
    if (sender < 0) die("fork");
    if (sender == 0) {
        while ((count = read(0, buffer, sizeof buffer)) > 0) write_all(fd, buffer, (size_t)count);
        if (count < 0) die("read standard input");
        shutdown(fd, SHUT_WR);
        _exit(0);
    }
    while ((count = read(fd, buffer, sizeof buffer)) > 0) write_all(1, buffer, (size_t)count);
    if (count < 0) die("read");
    int status;
    if (waitpid(sender, &status, 0) < 0 || status != 0) exit(1);
}

static int unix_socket(const char *path, struct sockaddr_un *address, int type) {
    int fd = socket(AF_UNIX, type, 0);
    if (fd < 0) die("socket");
    memset(address, 0, sizeof *address);
    address->sun_family = AF_UNIX;
    snprintf(address->sun_path, sizeof address->sun_path, "%s", path);
    return fd;
}

static int refused(const char *line) {
    fprintf(stderr, "vsock-peer: refused: '%s'\n", line);
    return 2;
}

int main(int count, char **arguments) {
    signal(SIGPIPE, SIG_IGN);
    const char *mode = count > 2 ? arguments[1] : "";
    int is_packets = !strcmp(mode, "packets") || !strcmp(mode, "packet-once");
    if (!strcmp(mode, "echo") || !strcmp(mode, "once") || !strcmp(mode, "connect") || is_packets) {
        struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_port = (unsigned)atoi(arguments[2])};
        int fd = socket(AF_VSOCK, is_packets ? SOCK_SEQPACKET : SOCK_STREAM, 0);
        if (fd < 0) die("socket");
        if (!strcmp(mode, "connect") || !strcmp(mode, "packets")) {
            address.svm_cid = VMADDR_CID_HOST;
            if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
            if (is_packets) exchange_packets(fd); else relay(fd);
            return 0;
        }
        address.svm_cid = VMADDR_CID_ANY;
        if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 8) < 0) die("listen");
        for (;;) {
            int one = accept(fd, NULL, NULL);
            if (one < 0) die("accept");
            if (strcmp(mode, "echo") || fork() == 0) {
                if (is_packets) echo_packets(one, 3); else echo(one);
                return 0;
            }
            close(one);
        }
    }
    struct sockaddr_un address;
    if (!strcmp(mode, "unix-packets") && count > 3) {
        int fd = unix_socket(arguments[2], &address, SOCK_SEQPACKET);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
        dprintf(fd, "CONNECT %s", arguments[3]);
        char line[64] = "";
        if (recv(fd, line, sizeof line - 1, 0) < 0) die("receive");
        if (strncmp(line, "OK ", 3)) return refused(line);
        exchange_packets(fd);
        return 0;
    }
    if (!strcmp(mode, "raw") || (!strcmp(mode, "unix") && count > 3)) {
        int fd = unix_socket(arguments[2], &address, SOCK_STREAM);
        if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0) die("connect");
        if (!strcmp(mode, "raw")) {
            relay(fd);
            return 0;
        }
        dprintf(fd, "CONNECT %s\n", arguments[3]);
        char line[64];
        size_t length = 0;
        while (length < sizeof line - 1 && read(fd, line + length, 1) == 1 && line[length] != '\n') length++;
        line[length] = 0;
        if (strncmp(line, "OK ", 3)) return refused(line);
        relay(fd);
        return 0;
    }
    if (!strcmp(mode, "unix-echo") || !strcmp(mode, "packet-echo")) {
        int fd = unix_socket(arguments[2], &address, !strcmp(mode, "unix-echo") ? SOCK_STREAM : SOCK_SEQPACKET);
        if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 8) < 0) die("listen");
        int one = accept(fd, NULL, NULL);
        if (one < 0) die("accept");
        if (!strcmp(mode, "unix-echo")) echo(one); else echo_packets(one, 0);
        return 0;
    }
    fprintf(stderr, "usage: vsock-peer echo PORT | once PORT | connect PORT | packets PORT | packet-once PORT"
                    " | unix PATH PORT | unix-packets PATH PORT | raw PATH | unix-echo PATH | packet-echo PATH\n");
    return 125;
}
