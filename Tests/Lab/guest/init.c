// SPDX-License-Identifier: Apache-2.0
// PID 1 of the lab: from the initramfs to the host's files under a writable overlay.
#define _GNU_SOURCE
#include "lab.h"
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define P9 "trans=virtio,version=9p2000.L,msize=512000"

static void power_off(void) {
    sync();
    reboot(RB_POWER_OFF);
    for (;;) pause();
}

void give_up(const char *what) {
    int console = open("/dev/console", O_WRONLY | O_NOCTTY);
    dprintf(console < 0 ? 2 : console, "lab-init: %s: %s\n", what, strerror(errno));
    power_off();
    __builtin_unreachable();
}

int put(const char *path, const char *text) {
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd < 0) return -1;
    ssize_t n = write(fd, text, strlen(text));
    int saved = errno;
    close(fd);
    errno = saved;
    return n < 0 ? -1 : 0;
}

static void attach(const char *source, const char *target, const char *type, unsigned long flags, const char *options) {
    if (mkdir(target, 0755) < 0 && errno != EEXIST) give_up(target);
    if (mount(source, target, type, flags, options) < 0) give_up(target);
}

// /modules lists the initramfs's modules in dependency order. The other vendor's KVM refuses to load, which is fine;
// what the root needs and did not get fails at its mount, by name.
static void load_modules(void) {
    char name[256];
    FILE *list = fopen("/modules", "re");
    if (!list) give_up("/modules");
    while (fgets(name, sizeof name, list)) {
        name[strcspn(name, "\n")] = 0;
        int fd = open(name, O_RDONLY | O_CLOEXEC);
        if (fd < 0) give_up(name);
        syscall(SYS_finit_module, fd, "", 0);
        close(fd);
        unlink(name);
    }
    fclose(list);
}

// What udev and systemd make on a full system: the standard links, and the nodes whose opening loads their module.
static void fill_dev(void) {
    symlink("/proc/self/fd", "/dev/fd");
    symlink("/proc/self/fd/0", "/dev/stdin");
    symlink("/proc/self/fd/1", "/dev/stdout");
    symlink("/proc/self/fd/2", "/dev/stderr");
    static const struct { const char *path; int major, minor; } nodes[] = {
        {"/dev/net/tun", 10, 200}, {"/dev/fuse", 10, 229}, {"/dev/loop-control", 10, 237},
        {"/dev/vhost-net", 10, 238}, {"/dev/vhost-vsock", 10, 241},
    };
    mkdir("/dev/net", 0755);
    for (size_t i = 0; i < sizeof nodes / sizeof nodes[0]; i++)
        mknod(nodes[i].path, S_IFCHR | 0666, makedev(nodes[i].major, nodes[i].minor));
}

static void loopback_up(void) {
    struct ifreq request = {.ifr_name = "lo"};
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &request) < 0) return;
    request.ifr_flags |= IFF_UP | IFF_RUNNING;
    ioctl(fd, SIOCSIFFLAGS, &request);
    close(fd);
}

// Makes the modules of the running kernel visible at the usual place: the host's /lib/modules are another kernel's.
static void mount_modules(void) {
    char source[4096], target[512], version[256] = "";
    FILE *file = fopen(SHARE "/modules", "re");
    if (!file) give_up("modules");
    if (!fgets(source, sizeof source, file)) give_up("modules");
    fclose(file);
    source[strcspn(source, "\n")] = 0;
    const char *slash = strrchr(source, '/');
    if (slash) snprintf(version, sizeof version, "%s", slash + 1);
    mkdir("/lib/modules", 0755);
    snprintf(target, sizeof target, "/lib/modules/%s", version);
    attach(source, target, NULL, MS_BIND, NULL);
}

static void enter_root(void) {
    attach("root", "/lower", "9p", MS_RDONLY, P9 ",cache=loose");
    attach("rw", "/rw", "tmpfs", 0, "mode=755");
    mkdir("/rw/upper", 0755);
    mkdir("/rw/work", 0755);
    attach("lab", "/new", "overlay", 0, "lowerdir=/lower,upperdir=/rw/upper,workdir=/rw/work");
    attach("proc", "/new/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    attach("sys", "/new/sys", "sysfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    attach("dev", "/new/dev", "devtmpfs", MS_NOSUID, "mode=755");
    if (chdir("/new") < 0 || mount(".", "/", NULL, MS_MOVE, NULL) < 0 || chroot(".") < 0 || chdir("/") < 0) give_up("switch root");
    // Containers want a root that can be made private to them.
    mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL);
}

static void mount_the_rest(void) {
    attach("devpts", "/dev/pts", "devpts", MS_NOSUID | MS_NOEXEC, "gid=5,mode=620,ptmxmode=666");
    attach("shm", "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777");
    attach("mqueue", "/dev/mqueue", "mqueue", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    attach("cgroup2", "/sys/fs/cgroup", "cgroup2", MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL);
    attach("run", "/run", "tmpfs", MS_NOSUID | MS_NODEV, "mode=755");
    // An overlay cannot be an overlay's upper layer, so the stores of container engines are file systems of their own.
    static const char *const stores[] = {"/var/lib/containerd", "/var/lib/containers", "/var/lib/nest"};
    for (size_t i = 0; i < sizeof stores / sizeof stores[0]; i++) attach("store", stores[i], "tmpfs", 0, "mode=755");
    mkdir("/run/lock", 01777);
    mkdir("/run/lab", 0755);
    // Without a cache, so that the host sees every write at once and whole.
    attach("share", SHARE, "9p", 0, P9 ",cache=none");
    // cache=mmap writes through as well, and lets programs map the result files that they write.
    if (access(SHARE "/has-out", F_OK) == 0) attach("out", "/run/lab/out", "9p", 0, P9 ",cache=mmap");
    else mkdir("/run/lab/out", 0755);
    mkdir("/run/lab/scratch", 01777);
}

int main(void) {
    if (getpid() != 1) return 125;
    umask(0);
    mkdir("/dev", 0755);
    mount("dev", "/dev", "devtmpfs", MS_NOSUID, NULL);
    // Without a console the kernel starts its init without standard streams, whose numbers pipes would then get.
    int spare;
    do if ((spare = open("/dev/null", O_RDWR)) < 0) give_up("/dev/null"); while (spare <= 2);
    close(spare);
    load_modules();
    enter_root();
    mount_the_rest();
    mount_modules();
    fill_dev();
    umask(022);
    loopback_up();
    sethostname("lab", 3);
    struct rlimit files = {1048576, 1048576};
    setrlimit(RLIMIT_NOFILE, &files);
    settle_kernel();
    bring_up_cpus();
    run_command();
    power_off();
}
