// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/random.h>
#include <linux/vm_sockets.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "CNestAgent.h"

int nest_vsock_listen(uint32_t port) {
    int fd = socket(AF_VSOCK, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    struct sockaddr_vm address = {.svm_family = AF_VSOCK, .svm_port = port, .svm_cid = VMADDR_CID_ANY};
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 64) < 0) {
        int error = errno;
        close(fd);
        errno = error;
        return -1;
    }
    return fd;
}

int nest_accept(int listener, uint32_t *cid, uint32_t *port) {
    union {
        struct sockaddr any;
        struct sockaddr_vm vm;
        struct sockaddr_un local;
    } address = {0};
    socklen_t length = sizeof address;
    int fd = accept4(listener, &address.any, &length, SOCK_CLOEXEC);
    if (fd < 0) return -1;
    *cid = VMADDR_CID_HOST;
    *port = 0;
    if (address.any.sa_family == AF_VSOCK) {
        *cid = address.vm.svm_cid;
        *port = address.vm.svm_port;
    } else if (address.any.sa_family == AF_UNIX && length > offsetof(struct sockaddr_un, sun_path) + 1) {
        size_t count = length - offsetof(struct sockaddr_un, sun_path), first = count;
        const char *name = address.local.sun_path;
        while (first > 0 && name[first - 1] >= '0' && name[first - 1] <= '9') first--;
        for (size_t i = first; i < count && i < first + 9; i++) *port = *port * 10 + (uint32_t)(name[i] - '0');
    }
    return fd;
}

int nest_receive_descriptor(int socket) {
    char text[256];
    union {
        struct cmsghdr header;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control;
    struct iovec part = {text, sizeof text};
    struct msghdr message = {
        .msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
    ssize_t count;
    do count = recvmsg(socket, &message, MSG_CMSG_CLOEXEC);
    while (count < 0 && errno == EINTR);
    if (count < 0) return -1;
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (!header || header->cmsg_level != SOL_SOCKET || header->cmsg_type != SCM_RIGHTS ||
        header->cmsg_len != CMSG_LEN(sizeof(int))) {
        errno = EBADMSG;
        return -1;
    }
    int fd;
    memcpy(&fd, CMSG_DATA(header), sizeof fd);
    return fd;
}

pid_t nest_ended_child(void) {
    siginfo_t info = {0};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOWAIT) < 0) return -1;
    return info.si_pid;
}

int nest_exit_status(int status) {
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

int nest_become_subreaper(void) { return prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); }

int nest_set_window_size(int terminal, uint16_t rows, uint16_t columns) {
    struct winsize size = {.ws_row = rows, .ws_col = columns};
    return ioctl(terminal, TIOCSWINSZ, &size);
}

int nest_loopback_up(void) {
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return -1;
    struct ifreq request = {.ifr_name = "lo"};
    int result = ioctl(fd, SIOCGIFFLAGS, &request);
    if (result == 0) {
        request.ifr_flags |= IFF_UP | IFF_RUNNING;
        result = ioctl(fd, SIOCSIFFLAGS, &request);
    }
    int error = errno;
    close(fd);
    errno = error;
    return result;
}

int nest_add_entropy(const void *bytes, size_t count) {
    if (count > 4096) {
        errno = EINVAL;
        return -1;
    }
    int fd = open("/dev/urandom", O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    struct rand_pool_info *pool = calloc(1, sizeof *pool + count);
    int result = -1;
    if (pool) {
        pool->entropy_count = (int)count * 8;
        pool->buf_size = (int)count;
        memcpy(pool->buf, bytes, count);
        result = ioctl(fd, RNDADDENTROPY, pool);
        if (result == 0) result = ioctl(fd, RNDRESEEDCRNG);
    }
    int error = errno;
    free(pool);
    close(fd);
    errno = error;
    return result;
}

int nest_disable_ctrl_alt_del(void) { return reboot(RB_DISABLE_CAD); }

int nest_run_in_batches(void) {
    struct sched_param none = {0};
    return sched_setscheduler(0, SCHED_BATCH, &none);
}

// What a service manager gives a container runtime, and thereby the containers whose specification sets no limit.
int nest_raise_limits(void) {
    struct rlimit files = {1 << 20, 1 << 20}, unlimited = {RLIM_INFINITY, RLIM_INFINITY};
    int result = setrlimit(RLIMIT_NOFILE, &files);
    if (setrlimit(RLIMIT_NPROC, &unlimited) < 0) result = -1;
    if (setrlimit(RLIMIT_CORE, &unlimited) < 0) result = -1;
    return result;
}
