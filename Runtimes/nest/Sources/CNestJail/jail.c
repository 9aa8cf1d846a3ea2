// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "CNestJail.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

// Which file or directory a step is at. In the child alone.
static int current_index;
// The program, where the standard streams cannot fall on it. In the child alone.
static int program = -1;

static int write_file(const char *path, int flags, mode_t mode, const char *text, size_t length) {
    int file = open(path, O_WRONLY | O_CLOEXEC | flags, mode);
    if (file < 0) return -1;
    ssize_t written = write(file, text, length);
    int error = errno;
    close(file);
    errno = written < 0 ? error : EIO;
    return written == (ssize_t)length ? 0 : -1;
}

static int reset_signals(void) {
    // The kernel's form, as the C library refuses to touch the two signals that it keeps for itself.
    struct {
        void *handler;
        unsigned long flags;
        void *restorer;
        uint64_t mask;
    } action = {SIG_DFL, 0, NULL, 0};
    for (int number = 1; number < NSIG; number++) syscall(SYS_rt_sigaction, number, &action, NULL, sizeof action.mask);
    sigset_t none;
    sigemptyset(&none);
    return sigprocmask(SIG_SETMASK, &none, NULL);
}

// Streams to 0, 1, 2. They may have any number, these three too.
static int streams(const struct nest_jail *jail) {
    if ((program = fcntl(jail->program, F_DUPFD_CLOEXEC, 100)) < 0) return -1;
    int numbers[3];
    const int sources[3] = {jail->input, jail->output, jail->error};
    for (int index = 0; index < 3; index++)
        if ((numbers[index] = fcntl(sources[index], F_DUPFD_CLOEXEC, 3)) < 0) return -1;
    for (int index = 0; index < 3; index++)
        if (dup2(numbers[index], index) < 0) return -1;
    return 0;
}

static int join_cgroups(const struct nest_jail *jail) {
    for (const char *const *file = jail->cgroups; *file; file++)
        if (write_file(*file, 0, 0, "0", 1) < 0) return -1;
    // Only now: out of a namespace of its own it could not move there.
    return unshare(CLONE_NEWCGROUP);
}

static int make_root(const struct nest_jail *jail) {
    if (mount("jail", jail->root, "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0755,size=256k,nr_inodes=1024") < 0)
        return -1;
    return chdir(jail->root);
}

// A file system of its own, as the root has no devices.
static int make_devices(const struct nest_jail *jail) {
    uint64_t kvm = nest_jail_device("/dev/kvm");
    if (mkdir("dev", 0755) < 0 || mount("jail", "dev", "tmpfs", MS_NOSUID | MS_NOEXEC, "mode=0755,size=16k,nr_inodes=8") < 0)
        return -1;
    if (kvm == 0) {
        errno = ENODEV;
        return -1;
    }
    // A node of our own and not the host's: the VM's user owns it, whatever group the host's has.
    if (mknod("dev/kvm", S_IFCHR | 0600, (dev_t)kvm) < 0) return -1;
    return chown("dev/kvm", jail->user, jail->user);
}

static int make_directories(const struct nest_jail *jail) {
    for (const char *const *directory = jail->directories; *directory; directory++, current_index++)
        if (mkdir(*directory, 0755) < 0) return -1;
    // For sockets; bounded, so that a hostile VMM cannot fill the host's memory with files.
    if (mkdir("run", 0700) < 0) return -1;
    if (mount("jail", "run", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700,size=64k,nr_inodes=16") < 0) return -1;
    return chown("run", jail->user, jail->user);
}

static int bind_files(const struct nest_jail *jail) {
    for (size_t index = 0; index < jail->file_count; index++) {
        const struct nest_jail_file *file = &jail->files[index];
        current_index = (int)index;
        int target = open(file->target, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0444);
        if (target < 0) return -1;
        close(target);
        if (mount(file->source, file->target, NULL, MS_BIND, NULL) < 0) return -1;
        unsigned long flags = MS_REMOUNT | MS_BIND | MS_NOSUID | MS_NODEV | MS_NOEXEC;
        if (!file->is_writable) flags |= MS_RDONLY;
        if (mount(NULL, file->target, NULL, flags, NULL) < 0) return -1;
    }
    return 0;
}

// The old root comes to lie over the new one and goes, so that no path leads to it (pivot_root(2), Notes).
static int pivot(void) {
    if (syscall(SYS_pivot_root, ".", ".") < 0) return -1;
    if (umount2(".", MNT_DETACH) < 0) return -1;
    return chdir("/");
}

static int seal(void) {
    const unsigned long common = MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID | MS_NOEXEC;
    if (mount(NULL, "/dev", NULL, common, NULL) < 0) return -1;
    return mount(NULL, "/", NULL, common | MS_NODEV, NULL);
}

static int limit(int resource, uint64_t value) {
    struct rlimit both = {value, value};
    return setrlimit(resource, &both);
}

static int drop_capabilities(void) {
    // The kernel may know more of them than this file: it says EINVAL past its last one.
    for (unsigned long capability = 0;; capability++) {
        if (prctl(PR_CAPBSET_DROP, capability, 0, 0, 0) == 0) continue;
        if (errno == EINVAL && capability > 0) break;
        return -1;
    }
    if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0) return -1;
    return prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED | SECBIT_NO_CAP_AMBIENT_RAISE |
                 SECBIT_NO_CAP_AMBIENT_RAISE_LOCKED | SECBIT_KEEP_CAPS_LOCKED, 0, 0, 0);
}

// By raw system calls: the C library's would ask all threads, which do not exist in this process, to follow.
static int change_user(const struct nest_jail *jail) {
    if (syscall(SYS_setgroups, 0, NULL) < 0) return -1;
    if (syscall(SYS_setresgid, jail->user, jail->user, jail->user) < 0) return -1;
    if (syscall(SYS_setresuid, jail->user, jail->user, jail->user) < 0) return -1;
    struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
    if (syscall(SYS_capset, &header, none) < 0) return -1;
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

// Dies with the thread that made it. After the change of user, which clears the wish; if that thread is gone already, the
// report's reader is too.
static int follow_parent(int report) {
    if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) < 0) return -1;
    struct pollfd reader = {.fd = report, .events = 0};
    if (poll(&reader, 1, 0) > 0 && (reader.revents & (POLLERR | POLLHUP))) {
        errno = EPIPE;
        return -1;
    }
    return 0;
}

static int close_others(void) {
    if (syscall(SYS_close_range, 3U, ~0U, 4U /* CLOSE_RANGE_CLOEXEC */) == 0) return 0;
    struct rlimit open_files;
    if (getrlimit(RLIMIT_NOFILE, &open_files) < 0) return -1;
    for (rlim_t number = 3; number < open_files.rlim_max && number < 1 << 20; number++)
        fcntl((int)number, F_SETFD, FD_CLOEXEC);
    return 0;
}

static int run_steps(const struct nest_jail *jail, int report) {
#define STEP(number, call) \
    do { \
        current_index = 0; \
        if ((call) < 0) return number; \
    } while (0)
    STEP(NEST_JAIL_PARENT, follow_parent(report));
    STEP(NEST_JAIL_STREAMS, reset_signals());
    STEP(NEST_JAIL_STREAMS, setsid());
    STEP(NEST_JAIL_STREAMS, streams(jail));
    STEP(NEST_JAIL_CGROUP, join_cgroups(jail));
    umask(0);
    STEP(NEST_JAIL_PRIVATE_MOUNTS, mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL));
    STEP(NEST_JAIL_ROOT, make_root(jail));
    STEP(NEST_JAIL_DEVICES, make_devices(jail));
    STEP(NEST_JAIL_DIRECTORY, make_directories(jail));
    STEP(NEST_JAIL_FILE, bind_files(jail));
    STEP(NEST_JAIL_CONFIG, write_file("config.json", O_CREAT | O_EXCL, 0444, jail->config, jail->config_length));
    STEP(NEST_JAIL_PIVOT, pivot());
    STEP(NEST_JAIL_READ_ONLY, seal());
    umask(077);
    STEP(NEST_JAIL_PRIVATE_MOUNTS, sethostname("nest", 4));
    // Before the limit on descriptors, which bounds the search of kernels without close_range.
    STEP(NEST_JAIL_DESCRIPTORS, close_others());
    STEP(NEST_JAIL_LIMITS, limit(RLIMIT_CORE, 0));
    STEP(NEST_JAIL_LIMITS, limit(RLIMIT_FSIZE, jail->file_bytes));
    STEP(NEST_JAIL_LIMITS, limit(RLIMIT_NOFILE, jail->descriptors));
    STEP(NEST_JAIL_LIMITS, limit(RLIMIT_NPROC, jail->threads));
    STEP(NEST_JAIL_CAPABILITIES, drop_capabilities());
    STEP(NEST_JAIL_USER, change_user(jail));
    STEP(NEST_JAIL_PARENT, follow_parent(report));
    // The Swift runtime asks /proc for its place when it is not told one, and crashes where there is no /proc.
    char *const environment[] = {"SWIFT_ROOT=/", NULL};
    STEP(NEST_JAIL_EXEC, syscall(SYS_execveat, program, "", jail->arguments, environment, AT_EMPTY_PATH));
#undef STEP
    return NEST_JAIL_EXEC;
}

int nest_jail_start(const struct nest_jail *jail, struct nest_jail_failure *failure) {
    int report[2];
    *failure = (struct nest_jail_failure){NEST_JAIL_CLONE, 0, 0};
    if (pipe2(report, O_CLOEXEC) < 0) {
        failure->error = errno;
        return -1;
    }
    // Signals stay out until the child has its own handlers: it shares none of the parent's state that they would touch.
    sigset_t all, old;
    sigfillset(&all);
    sigprocmask(SIG_SETMASK, &all, &old);
    const unsigned long flags = CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWIPC | CLONE_NEWUTS | SIGCHLD;
    long child = syscall(SYS_clone, flags, 0UL, 0UL, 0UL, 0UL);
    if (child == 0) {
        close(report[0]);
        // High, so that the standard streams cannot fall on it.
        int end = fcntl(report[1], F_DUPFD_CLOEXEC, 100);
        int step = end < 0 ? NEST_JAIL_STREAMS : run_steps(jail, end);
        struct nest_jail_failure what = {step, errno, current_index};
        ssize_t ignored = write(end < 0 ? report[1] : end, &what, sizeof what);
        (void)ignored;
        _exit(127);
    }
    int error = errno;
    sigprocmask(SIG_SETMASK, &old, NULL);
    close(report[1]);
    if (child < 0) {
        close(report[0]);
        failure->error = error;
        return -1;
    }
    // Ends at the exec, which closes the writing end, or with the child.
    struct nest_jail_failure what;
    ssize_t count;
    do count = read(report[0], &what, sizeof what);
    while (count < 0 && errno == EINTR);
    close(report[0]);
    if (count == 0) return (int)child;
    if (count == (ssize_t)sizeof what) *failure = what;
    else failure->error = EIO;
    kill((pid_t)child, SIGKILL);
    while (waitpid((pid_t)child, NULL, 0) < 0 && errno == EINTR) {}
    return -1;
}

uint64_t nest_jail_device(const char *path) {
    struct stat status;
    return stat(path, &status) == 0 && S_ISCHR(status.st_mode) ? (uint64_t)status.st_rdev : 0;
}

int nest_jail_open_path(int directory, const char *name, int is_directory) {
    return openat(directory, name, O_PATH | O_NOFOLLOW | O_CLOEXEC | (is_directory ? O_DIRECTORY : 0));
}
