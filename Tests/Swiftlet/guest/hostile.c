// SPDX-License-Identifier: Apache-2.0
// A guest that attacks its virtio devices through their windows, from every CPU at once, with no driver in between. Then it
// gives them back to their drivers and asks each for something good. All the while a disk that is spared must serve.
//
//   hostile SEED SECONDS DISK     DISK: the spared one, such as vdb; the first 8 bytes of each of its sectors are its number
//
// The kernel must have been told to leave the last 16 of 256 MiB alone (mem=240M): whatever a device is made to write goes
// there or nowhere. As root, with /dev, /proc and /sys. Standard output tells; the status is 1 if something was wrong.
#define _GNU_SOURCE
#include "hostile.h"
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/fs.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

struct device devices[DEVICES_MAX];
unsigned device_count;
volatile uint8_t *arena;
static volatile int is_over;
static volatile uint64_t steps[CPUS_MAX];

double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

void fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    printf("hostile: FAIL ");
    vprintf(format, arguments);
    printf("\n");
    fflush(stdout);
    _exit(1);
}

static int write_text(const char *path, const char *text) {
    int fd = open(path, O_WRONLY);
    if (fd < 0) return -1;
    ssize_t done = write(fd, text, strlen(text));
    close(fd);
    return done < 0 ? -1 : 0;
}

// What a pattern of file names finds first, or false.
static int find(char *path, size_t room, const char *format, ...) {
    char pattern[256];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(pattern, sizeof pattern, format, arguments);
    va_end(arguments);
    glob_t found;
    if (glob(pattern, 0, NULL, &found) != 0) return 0;
    snprintf(path, room, "%s", found.gl_pathv[0]);
    globfree(&found);
    return 1;
}

static uint64_t address_of(const char *name) {
    char line[256];
    unsigned long long start;
    uint64_t address = 0;
    FILE *file = fopen("/proc/iomem", "r");
    while (file && fgets(line, sizeof line, file))
        if (strstr(line, name) && sscanf(line, "%llx", &start) == 1) address = start;
    if (file) fclose(file);
    return address;
}

// Takes every device but the spared disk away from its driver, and maps its window.
static void take_devices(const char *spared) {
    glob_t found;
    char path[256];
    int memory = open("/dev/mem", O_RDWR | O_SYNC);
    if (memory < 0) fail("/dev/mem: %s", strerror(errno));
    arena = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, ARENA);
    if (arena == MAP_FAILED) fail("the memory kept from the kernel: %s", strerror(errno));
    if (glob("/sys/bus/platform/drivers/virtio-mmio/LNRO0005:*", 0, NULL, &found) != 0) fail("no devices");
    for (size_t i = 0; i < found.gl_pathc && device_count < DEVICES_MAX; i++) {
        if (find(path, sizeof path, "%s/virtio*/block/%s", found.gl_pathv[i], spared)) continue;
        struct device *device = &devices[device_count++];
        snprintf(device->name, sizeof device->name, "%s", strrchr(found.gl_pathv[i], '/') + 1);
        device->address = address_of(device->name);
        if (device->address == 0) fail("%s is not in /proc/iomem", device->name);
        if (write_text("/sys/bus/platform/drivers/virtio-mmio/unbind", device->name) != 0) fail("unbind %s", device->name);
        device->window = mmap(NULL, WINDOW, PROT_READ | PROT_WRITE, MAP_SHARED, memory, (off_t)device->address);
        if (device->window == MAP_FAILED) fail("the window of %s: %s", device->name, strerror(errno));
        device->type = read32(device, DEVICE_ID);
        if (read32(device, MAGIC) != 0x74726976) fail("%s has no magic value", device->name);
    }
    globfree(&found);
    close(memory);
}

static void *attack(void *argument) {
    unsigned cpu = (unsigned)(uintptr_t)argument;
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
    uint64_t state = devices[0].seed + cpu + 1;
    for (int i = 0; i < 8; i++) draw(&state);
    while (!is_over) {
        // Mostly all CPUs have the same victim, which changes five times a second.
        unsigned victim = draw(&state) % 4 ? (unsigned)(now() * 5) : (unsigned)draw(&state);
        step(&devices[victim % device_count], &state);
        steps[cpu]++;
    }
    return NULL;
}

// Reads a disk past the kernel's cache.
static void *direct_buffer;
static void read_sectors(int fd, uint64_t sector, const char *disk) {
    ssize_t done = pread(fd, direct_buffer, 4096, (off_t)(sector * 512));
    if (done != 4096) fail("%s: reading sector %llu: %s", disk, (unsigned long long)sector, strerror(errno));
}

static void check_spared(int fd, uint64_t sector, const char *disk) {
    read_sectors(fd, sector, disk);
    for (uint64_t i = 0; i < 8; i++) {
        uint64_t number;
        memcpy(&number, (char *)direct_buffer + i * 512, 8);
        if (number != sector + i) fail("%s: sector %llu is wrong", disk, (unsigned long long)(sector + i));
    }
}

// Opens a port of the console by its name, which comes a little after its driver.
static int open_port(const char *name, int flags) {
    char path[256], found[64];
    for (double end = now() + 5; now() < end; usleep(1000)) {
        for (int i = 0; i < 8; i++) {
            snprintf(path, sizeof path, "/sys/class/virtio-ports/vport*p%d/name", i);
            if (!find(path, sizeof path, "%s", path)) continue;
            FILE *file = fopen(path, "r");
            int is_it = file && fscanf(file, "%63s", found) == 1 && strcmp(found, name) == 0;
            if (file) fclose(file);
            if (!is_it) continue;
            *strrchr(path, '/') = 0;
            char node[64];
            snprintf(node, sizeof node, "/dev/%.32s", strrchr(path, '/') + 1);
            int fd = open(node, flags);
            if (fd >= 0) return fd;
        }
    }
    fail("no port %s", name);
}

// Resets a device by its register, gives it back to its driver, and asks for something good.
static void give_back(struct device *device) {
    char path[256];
    reset(device);
    if (read32(device, STATUS) != 0) fail("%s: status %u after its reset", device->name, read32(device, STATUS));
    munmap((void *)device->window, WINDOW);
    if (write_text("/sys/bus/platform/drivers/virtio-mmio/bind", device->name) != 0) fail("bind %s: %s", device->name, strerror(errno));
    if (device->type == 2) {
        if (!find(path, sizeof path, "/sys/bus/platform/devices/%s/virtio*/block/vd*", device->name)) fail("%s is no disk", device->name);
        char disk[64];
        snprintf(disk, sizeof disk, "/dev/%.32s", strrchr(path, '/') + 1);
        int fd = open(disk, O_RDWR | O_DIRECT | O_SYNC), is_read_only = 0;
        if (fd < 0) fd = open(disk, O_RDONLY | O_DIRECT);
        if (fd < 0 || ioctl(fd, BLKROGET, &is_read_only) != 0) fail("open %s: %s", disk, strerror(errno));
        if (!is_read_only) {
            memset(direct_buffer, 0xA5, 4096);
            if (pwrite(fd, direct_buffer, 4096, 8192) != 4096) fail("write %s: %s", disk, strerror(errno));
            memset(direct_buffer, 0, 4096);
        }
        read_sectors(fd, 16, disk);
        if (!is_read_only && ((uint8_t *)direct_buffer)[4095] != 0xA5) fail("%s does not keep what is written", disk);
        close(fd);
    } else if (device->type == 4) {
        uint8_t bytes[16] = {0};
        int fd = open("/dev/hwrng", O_RDONLY);
        if (fd < 0 || read(fd, bytes, sizeof bytes) <= 0) fail("/dev/hwrng: %s", strerror(errno));
        close(fd);
    } else if (device->type == 3) {
        char bytes[16];
        int in = open_port("stdin", O_RDONLY), out = open_port("stdout", O_WRONLY);
        if (read(in, bytes, sizeof bytes) <= 0) fail("stdin: %s", strerror(errno));
        if (write(out, "the console serves\n", 19) != 19) fail("stdout: %s", strerror(errno));
        close(in);
        close(out);
    }
    printf("hostile: %s, type %u, serves: %llu resets, asked for one %llu times\n", device->name, device->type,
           (unsigned long long)device->resets, (unsigned long long)device->needs_reset);
}

int main(int count, char **arguments) {
    if (count != 4) fail("usage: hostile SEED SECONDS DISK");
    const char *spared = arguments[3];
    char path[64];
    snprintf(path, sizeof path, "/dev/%s", spared);
    int disk = open(path, O_RDONLY | O_DIRECT);
    if (disk < 0 || posix_memalign(&direct_buffer, 4096, 4096) != 0) fail("open %s: %s", path, strerror(errno));
    uint64_t sectors = (uint64_t)lseek(disk, 0, SEEK_END) / 512;
    take_devices(spared);
    devices[0].seed = strtoull(arguments[1], NULL, 0) * 1000;
    uint64_t state = devices[0].seed + 999;

    printf("hostile: attacking %u devices, seed %s\n", device_count, arguments[1]);
    fflush(stdout);
    pthread_t threads[CPUS_MAX];
    unsigned cpus = (unsigned)sysconf(_SC_NPROCESSORS_ONLN);
    if (cpus > CPUS_MAX) cpus = CPUS_MAX;
    for (uintptr_t i = 0; i < cpus; i++) pthread_create(&threads[i], NULL, attack, (void *)i);
    double end = now() + atof(arguments[2]), slowest = 0, moved[CPUS_MAX];
    uint64_t good = 0, seen[CPUS_MAX] = {0};
    for (unsigned i = 0; i < cpus; i++) moved[i] = now();
    while (now() < end) {
        double begin = now();
        check_spared(disk, draw(&state) % (sectors - 8), spared);
        good++;
        if (now() - begin > slowest) slowest = now() - begin;
        for (unsigned i = 0; i < cpus; i++) {
            if (steps[i] != seen[i]) { seen[i] = steps[i]; moved[i] = now(); }
            if (now() - moved[i] > 15) fail("CPU %u is stuck", i);
        }
        usleep(2000);
    }
    is_over = 1;
    for (unsigned i = 0; i < cpus; i++) pthread_join(threads[i], NULL);
    uint64_t all = 0;
    for (unsigned i = 0; i < cpus; i++) all += steps[i];
    printf("hostile: %llu steps, %llu good reads, the slowest %.0f ms\n", (unsigned long long)all, (unsigned long long)good, slowest * 1000);
    if (good < 10 || slowest > 5) fail("%s was not served", spared);

    // The devices as they were left: nobody may be busy with them.
    printf("hostile: idle\n");
    fflush(stdout);
    sleep(6);
    for (unsigned i = 0; i < device_count; i++) give_back(&devices[i]);
    for (uint64_t i = 0; i < 64; i++) check_spared(disk, i * (sectors - 8) / 63, spared);
    printf("hostile: all serve\n");
    return 0;
}
