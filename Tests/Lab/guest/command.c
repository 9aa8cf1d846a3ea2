// SPDX-License-Identifier: Apache-2.0
// Runs the host's command and carries its output and status to the share.
#define _GNU_SOURCE
#include "lab.h"
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// Reads a file of strings that each end in NUL into a null-terminated array. The memory is the process's to keep.
static char **read_strings(const char *path) {
    struct stat info;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, &info) < 0) give_up(path);
    char *text = calloc(1, (size_t)info.st_size + 1);
    if (!text) give_up(path);
    for (off_t have = 0; have < info.st_size;) {
        ssize_t n = read(fd, text + have, (size_t)(info.st_size - have));
        if (n <= 0) give_up(path);
        have += n;
    }
    close(fd);
    size_t count = 0;
    for (off_t i = 0; i < info.st_size; i++) count += text[i] == 0;
    char **strings = calloc(count + 1, sizeof *strings);
    if (!strings) give_up(path);
    for (size_t i = 0; i < count; i++, text += strlen(text) + 1) strings[i] = text;
    return strings;
}

struct stream { int from, to; };

// The command writes to a pipe and never to the share itself: /dev/stdout can then be opened again, and a truncation
// of it does not cut what the host has read already.
static struct stream open_stream(const char *path, int *writer) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) < 0) give_up("pipe");
    fcntl(ends[0], F_SETPIPE_SZ, 1 << 20);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    struct stream stream = {ends[0], open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)};
    if (stream.to < 0) give_up(path);
    *writer = ends[1];
    return stream;
}

// Moves up to a buffer of what the pipe holds now; returns its bytes, none when it is empty or has no writer left.
static ssize_t relay(struct stream *stream) {
    static char buffer[1 << 16];
    ssize_t n = read(stream->from, buffer, sizeof buffer);
    if (n == 0) { close(stream->from); stream->from = -1; }
    for (ssize_t done = 0; done < n;) {
        ssize_t wrote = write(stream->to, buffer + done, (size_t)(n - done));
        if (wrote <= 0) give_up("writing the command's output on the host");
        done += wrote;
    }
    return n < 0 ? 0 : n;
}

static void exec_command(int out, int err) {
    char **command = read_strings(SHARE "/command"), **environment = read_strings(SHARE "/environment"), **cwd = read_strings(SHARE "/cwd");
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    setpriority(PRIO_PROCESS, 0, 0);
    put("/proc/self/oom_score_adj", "0");
    setsid();
    int null = open("/dev/null", O_RDONLY);
    dup2(null, 0);
    dup2(out, 1);
    dup2(err, 2);
    close(null);
    if (chdir(cwd[0]) < 0) {
        fprintf(stderr, "lab: cannot enter %s inside the lab: %s\n", cwd[0], strerror(errno));
        _exit(125);
    }
    environ = environment;
    execvp(command[0], command);
    fprintf(stderr, "lab: %s: %s\n", command[0], strerror(errno));
    _exit(errno == ENOENT || errno == ENOTDIR ? 127 : 126);
}

static void write_whole(const char *name, const char *text) {
    int fd = open(name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0 || write(fd, text, strlen(text)) < 0) give_up(name);
    close(fd);
}

void run_command(void) {
    int out, err, status = 0;
    struct stream streams[2] = {open_stream(SHARE "/stdout", &out), open_stream(SHARE "/stderr", &err)};
    int heartbeat = open(SHARE "/heartbeat", O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    sigset_t child_ends;
    sigemptyset(&child_ends);
    sigaddset(&child_ends, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_ends, NULL);
    int ends = signalfd(-1, &child_ends, SFD_CLOEXEC | SFD_NONBLOCK);
    if (heartbeat < 0 || ends < 0) give_up("heartbeat");
    // However busy the command is, the host must see that the lab is alive.
    put("/proc/self/oom_score_adj", "-1000");
    setpriority(PRIO_PROCESS, 0, -20);

    write_whole(SHARE "/started", "");
    pid_t child = fork();
    if (child < 0) give_up("fork");
    if (child == 0) exec_command(out, err);
    close(out);
    close(err);

    time_t last_beat = 0;
    for (int running = 1; running;) {
        struct pollfd waits[3] = {{ends, POLLIN, 0}, {streams[0].from, POLLIN, 0}, {streams[1].from, POLLIN, 0}};
        poll(waits, 3, 1000);
        for (int i = 0; i < 2; i++) if (waits[i + 1].revents) relay(&streams[i]);
        struct timespec now;
        clock_gettime(CLOCK_MONOTONIC, &now);
        if (now.tv_sec != last_beat) {
            char text[32];
            int n = snprintf(text, sizeof text, "%020lld\n", (long long)now.tv_sec);
            if (pwrite(heartbeat, text, (size_t)n, 0) < 0) give_up("heartbeat");
            last_beat = now.tv_sec;
        }
        struct signalfd_siginfo info;
        while (read(ends, &info, sizeof info) > 0) {}
        int one;
        for (pid_t pid; (pid = waitpid(-1, &one, WNOHANG)) > 0;)
            if (pid == child) { status = one; running = 0; }
    }
    // What the command wrote is in the pipes by now: at most what they hold. A daemon that it left behind may keep them
    // open, and write on: not waited for.
    for (int i = 0; i < 2; i++) {
        int left = 0;
        if (streams[i].from >= 0) ioctl(streams[i].from, FIONREAD, &left);
        for (ssize_t n = 1; left > 0 && n > 0; left -= (int)n) n = relay(&streams[i]);
    }
    sync();
    char text[16];
    snprintf(text, sizeof text, "%d\n", WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status));
    write_whole(SHARE "/status.new", text);
    if (rename(SHARE "/status.new", SHARE "/status") < 0) give_up("status");
}
