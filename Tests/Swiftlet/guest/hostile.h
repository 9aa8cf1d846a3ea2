// SPDX-License-Identifier: Apache-2.0
// What hostile.c, which runs the attack, and hostile-steps.c, which knows virtio, have in common.
#include <stdint.h>

// A console's last port is behind QUEUES_MAX: what is said there ends the machine, which is no attack.
enum { DEVICES_MAX = 16, QUEUES_MAX = 8, CPUS_MAX = 4, WINDOW = 0x1000 };
// The end of a guest's 256 MiB.
enum { ARENA = 240 << 20, ARENA_SIZE = 16 << 20 };
// Registers of virtio 1.2, 4.2.2.
enum { MAGIC = 0x000, DEVICE_ID = 0x008, STATUS = 0x070 };

struct device {
    char name[32];
    uint64_t address, seed;
    volatile uint8_t *window;
    unsigned type;
    int is_packed;
    uint64_t resets, needs_reset;
};
extern struct device devices[DEVICES_MAX];
extern unsigned device_count;
extern volatile uint8_t *arena;

double now(void);
_Noreturn void fail(const char *format, ...) __attribute__((format(printf, 1, 2)));
uint32_t read32(struct device *device, unsigned offset);
uint64_t draw(uint64_t *state);
// One random hostile act.
void step(struct device *device, uint64_t *state);
// By the status register; fails if the device does not come back from it.
void reset(struct device *device);
