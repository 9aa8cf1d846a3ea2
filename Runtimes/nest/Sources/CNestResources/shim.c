// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CNestResources.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

int nest_identify(const char *path, struct nest_identity *identity) {
    struct statx status;
    if (statx(AT_FDCWD, path, 0, STATX_BASIC_STATS | STATX_BTIME, &status) < 0) return -1;
    memset(identity, 0, sizeof *identity);
    identity->device_major = status.stx_dev_major;
    identity->device_minor = status.stx_dev_minor;
    identity->inode = status.stx_ino;
    identity->has_birth = (status.stx_mask & STATX_BTIME) != 0;
    identity->birth_seconds = identity->has_birth ? status.stx_btime.tv_sec : status.stx_ctime.tv_sec;
    identity->birth_nanoseconds = identity->has_birth ? status.stx_btime.tv_nsec : status.stx_ctime.tv_nsec;
    identity->size = status.stx_size;
    identity->modified_seconds = status.stx_mtime.tv_sec;
    identity->modified_nanoseconds = status.stx_mtime.tv_nsec;
    return 0;
}

int nest_private_mounts(void) {
    // CLONE_NEWNS gives the thread a working directory of its own too (CLONE_FS is implied).
    if (unshare(CLONE_NEWNS) < 0) return -1;
    return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

int nest_mount_tmpfs(const char *target) {
    return mount("tmpfs", target, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700,size=1m");
}

int nest_mount_bind_read_only(const char *source, const char *target) {
    if (mount(source, target, NULL, MS_BIND, NULL) < 0) return -1;
    return mount(NULL, target, NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
}

int nest_mount_overlay_read_only(const char *target, const char *options) {
    return mount("overlay", target, "overlay", MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, options);
}

int nest_copy_sparse(int from, int to) {
    struct stat status;
    if (fstat(from, &status) < 0 || ftruncate(to, status.st_size) < 0) return -1;
    if (ioctl(to, FICLONE, from) == 0) return 0;
    off_t position = 0;
    while (position < status.st_size) {
        off_t data = lseek(from, position, SEEK_DATA);
        if (data < 0) return errno == ENXIO ? 0 : -1; // nothing but a hole is left
        off_t end = lseek(from, data, SEEK_HOLE);
        if (end < 0) return -1;
        while (data < end) {
            off_t target = data;
            ssize_t count = copy_file_range(from, &data, to, &target, (size_t)(end - data), 0);
            if (count < 0 && (errno == EXDEV || errno == EINVAL || errno == EOPNOTSUPP || errno == ENOSYS)) {
                char buffer[65536];
                size_t want = (size_t)(end - data) < sizeof buffer ? (size_t)(end - data) : sizeof buffer;
                count = pread(from, buffer, want, data);
                if (count > 0) count = pwrite(to, buffer, (size_t)count, data);
                if (count > 0) data += count;
            }
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) return -1;
            if (count == 0) {
                errno = EIO; // somebody cut the template
                return -1;
            }
        }
        position = end;
    }
    return 0;
}

int nest_is_cgroup2(const char *path) {
    struct statfs status;
    return statfs(path, &status) == 0 && status.f_type == 0x63677270; // CGROUP2_SUPER_MAGIC
}

// Between clone and exec: only system calls, as other threads may hold any lock of the C library.
static void run_tool(const struct nest_tool *tool) {
    char *environment[] = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C", NULL};
    syscall(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
    for (int number = 1; number < NSIG; number++) {
        struct sigaction action = {.sa_handler = SIG_DFL};
        sigaction(number, &action, NULL);
    }
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    struct rlimit bytes = {tool->file_bytes, tool->file_bytes}, core = {0, 0};
    if (setrlimit(RLIMIT_FSIZE, &bytes) < 0 || setrlimit(RLIMIT_CORE, &core) < 0) return;
    int null = open("/dev/null", O_RDONLY);
    if (null < 0 || dup2(tool->output, 1) < 0 || dup2(tool->output, 2) < 0 || dup2(null, 0) < 0) return;
    if (syscall(SYS_close_range, 3U, ~0U, 0U) < 0)
        for (int number = 3; number < 1024; number++) close(number);
    execve(tool->arguments[0], tool->arguments, environment);
}

int nest_tool_start(const struct nest_tool *tool, int *pid) {
    int handle = -1;
    // CLONE_PIDFD: the handle cannot come to mean another process.
    long child = syscall(SYS_clone, (unsigned long)(CLONE_PIDFD | SIGCHLD), 0UL, &handle, 0UL, 0UL);
    if (child < 0) return -1;
    if (child == 0) {
        run_tool(tool);
        // Not strerror: translation takes a lock.
        const char *parts[] = {"cannot run ", tool->arguments[0], ": ", strerrordesc_np(errno), "\n"};
        for (int index = 0; index < 5; index++)
            if (parts[index] && write(tool->output, parts[index], strlen(parts[index])) < 0) break;
        _exit(127);
    }
    *pid = (int)child;
    return handle;
}
