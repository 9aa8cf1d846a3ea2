// SPDX-License-Identifier: Apache-2.0
// The acts of a hostile guest: registers, rings, chains, doorbells, resets. Several CPUs do them to one device at once, with
// nothing between them.
#include "hostile.h"
#include <string.h>
#include <unistd.h>

enum {
    FEATURES = 0x010, FEATURES_SELECT = 0x014, DRIVER_FEATURES = 0x020, DRIVER_FEATURES_SELECT = 0x024, QUEUE_SELECT = 0x030,
    QUEUE_MAX = 0x034, QUEUE_SIZE = 0x038, QUEUE_READY = 0x044, QUEUE_NOTIFY = 0x050, INTERRUPT_ACK = 0x064,
    QUEUE_ADDRESSES = 0x080, QUEUE_RESET = 0x0c0
};
// Flags of a descriptor, 2.7.5 and 2.8.1.
enum { NEXT = 1, WRITE = 2, INDIRECT = 4, AVAILABLE = 1 << 7, USED = 1 << 15 };
enum { NEEDS_RESET = 0x40 };

struct descriptor { uint64_t address; uint32_t length; uint16_t a, b; };  // flags and next; id and flags in a packed ring

uint64_t draw(uint64_t *state) {
    uint64_t x = *state += 0x9e3779b97f4a7c15;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9;
    x = (x ^ x >> 27) * 0x94d049bb133111eb;
    return x ^ x >> 31;
}
static int one_in(uint64_t *state, unsigned n) { return draw(state) % n == 0; }

uint32_t read32(struct device *device, unsigned offset) { return *(volatile uint32_t *)(device->window + offset); }
static void write32(struct device *device, unsigned offset, uint32_t value) { *(volatile uint32_t *)(device->window + offset) = value; }

static uint32_t boundary(uint64_t *state) {
    static const uint32_t values[] = {0, 1, 2, 3, 4, 7, 8, 15, 16, 127, 128, 255, 256, 257, 511, 512, 4095, 4096, 0x7fff, 0x8000, 0xffff,
                                      0x10000, 0x100000, 0x1000000, 0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffffe, 0xffffffff};
    return values[draw(state) % (sizeof values / sizeof *values)];
}

// What an address is for. A device must not be made to write where descriptors are read from: it would make up some that
// point at the kernel's memory, and no rule of virtio forbids it to write there.
enum role { TABLE, DRIVER, DEVICE, BUFFER };
enum { WRITTEN = ARENA_SIZE / 2 };  // from here on in the arena devices write

// The halves of an address. Whichever two come together, the kernel's memory is not there: it is in the arena, in the page at
// zero that nobody uses, behind all memory, or in a device's window.
static uint32_t low_half(uint64_t *state, enum role role) {
    switch (draw(state) % 8) {
    case 0: return role == DRIVER || role == DEVICE ? 0 : 0xfee00000;
    case 1: return ARENA + ARENA_SIZE - (uint32_t)(draw(state) % 64);                      // across the end of memory
    case 2: return ARENA + ARENA_SIZE + (uint32_t)(draw(state) % 4096);
    case 3: return (uint32_t)devices[draw(state) % device_count].address + (uint32_t)(draw(state) % WINDOW);
    case 4: return 0xffffffff - (uint32_t)(draw(state) % 4096);                            // across 4 GiB, or all there is
    default: return ARENA + (role == DEVICE || role == BUFFER ? WRITTEN : 0) + (uint32_t)(draw(state) % (WRITTEN / 16)) * 16;
    }
}
static uint32_t high_half(uint64_t *state) {
    static const uint32_t values[] = {0, 0, 0, 0, 1, 0x7fffffff, 0x80000000, 0xffffffff};
    return values[draw(state) % 8];
}
static uint64_t hostile_address(uint64_t *state, enum role role) { return (uint64_t)high_half(state) << 32 | low_half(state, role); }

// Each queue of each device has 64 KiB in each half of the arena: descriptors, the driver's ring and a table in one; the
// device's ring and buffers in the other.
static uint32_t place(struct device *device, unsigned queue) {
    return (uint32_t)(((unsigned)(device - devices) * QUEUES_MAX + queue % QUEUES_MAX) << 16) % WRITTEN;
}

void reset(struct device *device) {
    double begin = now();
    if (read32(device, STATUS) & NEEDS_RESET) __atomic_add_fetch(&device->needs_reset, 1, __ATOMIC_RELAXED);
    write32(device, STATUS, 0);
    __atomic_add_fetch(&device->resets, 1, __ATOMIC_RELAXED);
    if (now() - begin > 5) fail("%s: a reset took %.1f s", device->name, now() - begin);
}

// Describes a queue. Returns false if there is none of that number.
static int set_up(struct device *device, uint64_t *state, unsigned queue, int lies) {
    write32(device, QUEUE_SELECT, queue);
    uint32_t size = read32(device, QUEUE_MAX);
    if (size == 0) return 0;
    if (one_in(state, 4)) size = size > 8 ? 8 : size;
    write32(device, QUEUE_SIZE, lies && one_in(state, 4) ? boundary(state) : size);
    uint32_t base = ARENA + place(device, queue);
    for (unsigned part = 0; part < 3; part++) {
        int is_lie = lies && one_in(state, 4);
        write32(device, QUEUE_ADDRESSES + part * 16, is_lie ? low_half(state, (enum role)part) : base + (part == DEVICE ? WRITTEN : part * 0x2000));
        write32(device, QUEUE_ADDRESSES + part * 16 + 4, is_lie ? high_half(state) : 0);
    }
    // Memory that a round before left says nothing now.
    if (one_in(state, 2)) memset((void *)(arena + place(device, queue)), 0, 0x6000);
    if (!one_in(state, 16)) write32(device, QUEUE_READY, 1);
    return 1;
}

// What a driver does to begin (3.1.1), with a lie here and there.
static void bring_up(struct device *device, uint64_t *state) {
    uint32_t features[2];
    int lies = one_in(state, 3);
    reset(device);
    write32(device, STATUS, 1);
    write32(device, STATUS, 3);
    for (unsigned i = 0; i < 2; i++) {
        write32(device, FEATURES_SELECT, i);
        features[i] = read32(device, FEATURES);
        // Without the bits that change the ring half of the time; bit 32 is VERSION_1.
        if (one_in(state, 2)) features[i] &= (uint32_t)draw(state) | (i == 1 ? 1 : 0);
        if (lies && one_in(state, 4)) features[i] = boundary(state);
        write32(device, DRIVER_FEATURES_SELECT, i);
        write32(device, DRIVER_FEATURES, features[i]);
    }
    device->is_packed = features[1] >> 2 & 1;
    write32(device, STATUS, 11);
    for (unsigned queue = 0; queue < QUEUES_MAX && set_up(device, state, queue, lies); queue++) {}
    write32(device, STATUS, 15);
}

// Something that the device reads as a request of its kind, mostly a good one, at most 64 bytes.
static void request(struct device *device, uint64_t *state, volatile uint8_t *to) {
    uint32_t words[16] = {0};
    for (unsigned i = 0; i < 16; i++) words[i] = one_in(state, 3) ? boundary(state) : (uint32_t)draw(state) % 64;
    if (device->type == 2) {  // type, reserved, sector
        static const uint32_t types[] = {0, 1, 4, 8, 11, 13};
        words[0] = one_in(state, 8) ? boundary(state) : types[draw(state) % 6];
        if (!one_in(state, 4)) words[3] = 0;
    } else if (device->type == 19) {  // from 3 to 2, ports, length, type and operation, flags, credit
        words[0] = 3; words[1] = 0; words[2] = 2; words[3] = 0;
        if (one_in(state, 8)) words[draw(state) % 4] = boundary(state);
        words[7] = (uint32_t)(1 + draw(state) % 2) | (uint32_t)(draw(state) % 9) << 16;
        words[4] = 1000 + (uint32_t)draw(state) % 4; words[5] = 9 + (uint32_t)draw(state) % 3;
    } else if (device->type == 3) {  // port, event and value; anything else is what a port carries
        words[0] = one_in(state, 8) ? boundary(state) : (uint32_t)draw(state) % 4;
        words[1] = (uint32_t)(draw(state) % 9) | (uint32_t)(draw(state) % 2) << 16;
    }
    memcpy((void *)to, words, sizeof words);
}

static struct descriptor descriptor(struct device *device, uint64_t *state, uint32_t base, unsigned place_of_buffer) {
    struct descriptor one = {0};
    one.address = one_in(state, 5) ? hostile_address(state, BUFFER) : base + WRITTEN + 0x8000 + place_of_buffer % 64 * 512;
    switch (draw(state) % 5) {
    case 0: one.length = boundary(state); break;
    case 1: one.length = 16 + (uint32_t)(draw(state) % 64); break;
    case 2: one.length = 512 * (1 + (uint32_t)(draw(state) % 16)); break;
    case 3: one.length = device->type == 19 ? 44 : device->type == 3 ? 8 : 16; break;
    default: one.length = 1 + (uint32_t)(draw(state) % 4);
    }
    return one;
}

// Writes a table of chains: loops, lengths of zero, tables within tables, the wrong direction, ends that are missing.
static void write_table(struct device *device, uint64_t *state, uint32_t at, uint32_t base, unsigned count, int is_packed) {
    unsigned in_chain = 0;
    for (unsigned i = 0; i < count; i++) {
        struct descriptor one = descriptor(device, state, base, i);
        int ends = one_in(state, 3);
        uint16_t flags = (uint16_t)(ends ? 0 : NEXT);
        if (in_chain > 0 && !one_in(state, 3)) flags |= WRITE;
        if (one_in(state, 12)) {
            flags |= INDIRECT;
            one.address = base + 0x6000;
            one.length = one_in(state, 4) ? boundary(state) : 16 * (1 + (uint32_t)(draw(state) % 64));
        }
        if (one_in(state, 40)) flags = (uint16_t)(draw(state) & ~(uint64_t)INDIRECT);
        if (!(flags & WRITE) && one.address >= ARENA + WRITTEN && one.address < ARENA + ARENA_SIZE - 64) request(device, state, arena + (one.address - ARENA));
        if (is_packed) {
            int wrap = !one_in(state, 4);
            one.a = (uint16_t)(one_in(state, 8) ? draw(state) : i);
            one.b = (uint16_t)((flags & ~(AVAILABLE | USED)) | (wrap ? AVAILABLE : USED));
        } else {
            one.a = flags;
            one.b = (uint16_t)(one_in(state, 20) ? draw(state) : one_in(state, 20) ? draw(state) % (i + 1) : i + 1);
        }
        memcpy((void *)(arena + at + i * 16), &one, 16);
        in_chain = ends ? 0 : in_chain + 1;
    }
}

static void offer(struct device *device, uint64_t *state) {
    unsigned queue = (unsigned)(draw(state) % QUEUES_MAX);
    if (!one_in(state, 4) && device->type != 3) queue %= device->type == 2 || device->type == 4 ? 1 : 4;
    uint32_t at = place(device, queue), base = ARENA + at;
    unsigned count = 1 + (unsigned)(draw(state) % (one_in(state, 4) ? 256 : 24));
    if (one_in(state, 3)) write_table(device, state, at + 0x6000, base, 64, device->is_packed);
    write_table(device, state, at, base, count, device->is_packed);
    volatile uint16_t *ring = (volatile uint16_t *)(arena + at + 0x2000);
    if (!device->is_packed) {
        for (unsigned i = 0; i < 256; i++) {
            ring[2 + i] = (uint16_t)(one_in(state, 30) ? draw(state) : draw(state) % count);
            // Where it is read as a descriptor, it must not be one of the kernel's memory either.
            if (i % 4 == 1) ring[2 + i] |= 1;
        }
        ring[0] = (uint16_t)(draw(state) % 2);
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
        ring[1] = (uint16_t)(ring[1] + (one_in(state, 30) ? draw(state) : 1 + draw(state) % 32));
    } else if (one_in(state, 4)) {
        ring[0] = (uint16_t)draw(state);
        ring[1] = (uint16_t)draw(state);
    }
    if (one_in(state, 8)) *(volatile uint16_t *)(arena + WRITTEN + at + 2) = (uint16_t)draw(state);  // the device's own index
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    write32(device, QUEUE_NOTIFY, queue);
}

static void storm(struct device *device, uint64_t *state) {
    unsigned queue = (unsigned)(draw(state) % 4);
    for (unsigned i = 0; i < 500; i++) write32(device, QUEUE_NOTIFY, one_in(state, 50) ? boundary(state) : queue);
}

// Every width, aligned and not, across registers and into the next window.
static void poke(struct device *device, uint64_t *state) {
    for (unsigned i = 0; i < 32; i++) {
        unsigned offset = (unsigned)(draw(state) % (one_in(state, 8) ? WINDOW : 0x180));
        if (!one_in(state, 3)) offset &= ~3u;
        unsigned width = one_in(state, 2) ? 4 : 1u << draw(state) % 4;
        if (offset + width > WINDOW) offset = WINDOW - width;
        int is_address = offset + width > QUEUE_ADDRESSES && offset < QUEUE_ADDRESSES + 0x30;
        uint64_t value = is_address ? hostile_address(state, offset < QUEUE_ADDRESSES + 16 ? TABLE : DEVICE) : (uint64_t)boundary(state) << 32 | boundary(state);
        // Low halves have bit 2 clear in their register's number.
        if (is_address && offset & 4) value = high_half(state);
        volatile uint8_t *at = device->window + offset;
        if (one_in(state, 3)) {
            switch (width) {
            case 1: (void)*at; break;
            case 2: (void)*(volatile uint16_t *)at; break;
            case 4: (void)*(volatile uint32_t *)at; break;
            default: (void)*(volatile uint64_t *)at;
            }
        } else {
            switch (width) {
            case 1: *at = (uint8_t)value; break;
            case 2: *(volatile uint16_t *)at = (uint16_t)value; break;
            case 4: *(volatile uint32_t *)at = (uint32_t)value; break;
            default: *(volatile uint64_t *)at = value;
            }
        }
    }
}

void step(struct device *device, uint64_t *state) {
    switch (draw(state) % 16) {
    case 0: case 1: case 2: bring_up(device, state); break;
    case 3: poke(device, state); break;
    case 4: storm(device, state); break;
    case 5: reset(device); break;
    case 6: write32(device, STATUS, (uint32_t)draw(state) % 256); break;
    case 7: {
        unsigned queue = (unsigned)(draw(state) % (device->type == 3 ? QUEUES_MAX : 4));
        write32(device, QUEUE_SELECT, queue);
        write32(device, QUEUE_RESET, 1);
        if (!one_in(state, 4)) set_up(device, state, queue, one_in(state, 8));
        break;
    }
    case 8: write32(device, INTERRUPT_ACK, 3); break;
    default: offer(device, state);
    }
}
