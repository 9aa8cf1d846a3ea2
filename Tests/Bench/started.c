// SPDX-License-Identifier: Apache-2.0
// Measures how long a program takes to say something.
//
//   started [--then COMMAND] MARKER PROGRAM ARG...
//
// Prints the nanoseconds from before PROGRAM is started until MARKER has come out of its standard output, then ends it.
// With --then, COMMAND runs in a shell in between, with the program's process number in PID, and its output follows.
// Status 1 if PROGRAM ended, or 60 s passed, without the marker; what it said goes to stderr.
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

extern char **environ;

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000000ll + t.tv_nsec;
}

int main(int argc, char **argv) {
    const char *then = NULL;
    argv++;
    if (argc > 3 && strcmp(argv[0], "--then") == 0) then = argv[1], argv += 2, argc -= 2;
    if (argc < 3) return fprintf(stderr, "usage: started [--then COMMAND] MARKER PROGRAM ARG...\n"), 2;
    const char *marker = argv[0];
    // A pipe for input that nobody writes to: a program that reads its console finds it open and silent.
    int out[2], in[2];
    if (pipe2(out, O_CLOEXEC) || pipe2(in, O_CLOEXEC)) return perror("pipe"), 2;
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, in[0], 0);
    posix_spawn_file_actions_adddup2(&actions, out[1], 1);
    pid_t pid;
    long long start = now(), end = 0;
    int error = posix_spawnp(&pid, argv[1], &actions, NULL, argv + 1, environ);
    if (error) return fprintf(stderr, "%s: %s\n", argv[1], strerror(error)), 2;
    close(out[1]);
    static char text[1 << 20];
    size_t length = 0;
    while (length < sizeof text - 1) {
        struct pollfd entry = {out[0], POLLIN, 0};
        long long left = 60000 - (now() - start) / 1000000;
        if (left <= 0 || poll(&entry, 1, (int)left) <= 0) break;
        ssize_t count = read(out[0], text + length, sizeof text - 1 - length);
        if (count <= 0) break;
        length += (size_t)count;
        if (memmem(text, length, marker, strlen(marker))) {
            end = now();
            break;
        }
    }
    if (end) {
        printf("%lld\n", end - start);
        fflush(stdout);
        if (then) {
            char number[32];
            snprintf(number, sizeof number, "%d", pid);
            setenv("PID", number, 1);
            if (system(then) != 0) end = 0;
        }
    } else {
        fprintf(stderr, "%s never said '%s', but:\n", argv[1], marker);
        fwrite(text, 1, length, stderr);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    return end ? 0 : 1;
}
