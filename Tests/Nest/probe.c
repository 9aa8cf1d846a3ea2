// SPDX-License-Identifier: Apache-2.0
// What the tests do inside a container and a shell cannot: `probe SUBJECT [ARGUMENT...]`. Static, so that any image runs it.
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/xattr.h>
#include <unistd.h>

// flood BYTES SIZE: that many bytes to standard output, in writes of SIZE.
static int flood(long long bytes, size_t size) {
    char *block = malloc(size);
    for (size_t at = 0; at < size; at++) block[at] = (char)(at * 131 + at / 251);
    while (bytes > 0) {
        ssize_t written = write(1, block, bytes < (long long)size ? (size_t)bytes : size);
        if (written <= 0) return 1;
        bytes -= written;
    }
    return 0;
}
// memory MIB: that much memory, every page written, then "held" and, with a second argument, a sleep for ever.
static int memory(size_t mebibytes, int stay) {
    char *block = malloc(mebibytes << 20);
    if (!block) return 1;
    for (size_t at = 0; at < mebibytes << 20; at += 4096) block[at] = 1;
    puts("held");
    fflush(stdout);
    while (stay) pause();
    return 0;
}
static int limits(void) {
    static const struct { const char *name; int which; } all[] = {
        {"core", RLIMIT_CORE}, {"nofile", RLIMIT_NOFILE}, {"nproc", RLIMIT_NPROC}, {"stack", RLIMIT_STACK}};
    for (size_t at = 0; at < sizeof all / sizeof *all; at++) {
        struct rlimit limit;
        if (getrlimit(all[at].which, &limit)) return 1;
        printf("%s %lld %lld\n", all[at].name, (long long)limit.rlim_cur, (long long)limit.rlim_max);
    }
    return 0;
}
static int attribute(const char *file, const char *name) {
    char value[256];
    ssize_t length = getxattr(file, name, value, sizeof value);
    if (length < 0) { perror(file); return 1; }
    fwrite(value, 1, (size_t)length, stdout);
    return 0;
}
// forks: a fork bomb.
static void forks(void) {
    for (;;)
        if (fork() < 0) usleep(1000);
}

int main(int count, char **arguments) {
    const char *subject = count > 1 ? arguments[1] : "";
    if (!strcmp(subject, "flood") && count == 4) return flood(atoll(arguments[2]), (size_t)atoll(arguments[3]));
    if (!strcmp(subject, "memory") && count >= 3) return memory((size_t)atoll(arguments[2]), count > 3);
    if (!strcmp(subject, "limits")) return limits();
    if (!strcmp(subject, "xattr") && count == 4) return attribute(arguments[2], arguments[3]);
    if (!strcmp(subject, "forks")) forks();
    fprintf(stderr, "probe: flood BYTES SIZE | memory MIB [stay] | limits | xattr FILE NAME | forks\n");
    return 2;
}
