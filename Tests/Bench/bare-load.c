// SPDX-License-Identifier: Apache-2.0
// A guest without an operating system that does nothing but load one device, so that next to nothing but the monitor is
// measured. Its command line: `disk SIZE COUNT` reads COUNT times SIZE bytes, `send SIZE COUNT` and `receive SIZE COUNT` move
// packets of SIZE bytes over vsock to and from port 700 of the host (device-load's serve-unix). It prints a line when it
// begins and one when it ends, each at the moment.
#include <stdint.h>

__asm__(".include \"pvh.h\"\n"
        "pvh_note start\n.text\n.globl start\nstart: mov $0x90000, %esp\npush %ebx\ncall run\n");

enum { queue_size = 64, virtio_base = 0xC0000000u, device_count = 19, host_port = 700, buffer_bytes = 256 << 10 };

struct descriptor {
    uint64_t address;
    uint32_t length;
    uint16_t flags, next;
};
struct queue {
    struct descriptor descriptors[queue_size];
    struct { uint16_t flags, index, ring[queue_size]; } available __attribute__((aligned(4)));
    struct { uint16_t flags, index; struct { uint32_t id, length; } ring[queue_size]; } used __attribute__((aligned(4)));
    uint16_t seen;
    volatile uint32_t *doorbell;
    uint32_t number;
} __attribute__((aligned(16)));
static struct queue queues[2];
// Data is here, above the program.
static uint8_t *const room = (uint8_t *)0x400000;

static void out8(uint16_t port, uint8_t value) { __asm__ volatile("outb %0, %1" ::"a"(value), "Nd"(port)); }
static void print(const char *text) {
    while (*text) out8(0x3F8, (uint8_t)*text++);
}
static _Noreturn void turn_off(void) {
    out8(0x600, 5 << 2 | 0x20);
    for (;;) __asm__ volatile("hlt");
}
static _Noreturn void fail(const char *text) {
    print(text), print("\n");
    turn_off();
}
static void fence(void) { __asm__ volatile("lock orl $0, (%%esp)" ::: "memory"); }

// MMIO registers: virtio 1.2, section 4.2.2.
static volatile uint32_t *find(uint32_t kind) {
    for (uint32_t i = 0; i < device_count; i++) {
        volatile uint32_t *device = (volatile uint32_t *)(virtio_base + i * 0x1000);
        if (device[0] == 0x74726976 && device[2] == kind) return device;
    }
    fail("no device");
}
static void start(volatile uint32_t *device, uint32_t count) {
    device[0x70 / 4] = 0;
    device[0x70 / 4] = 1;
    device[0x70 / 4] = 1 | 2;
    device[0x24 / 4] = 1, device[0x20 / 4] = 1;  // VIRTIO_F_VERSION_1
    device[0x24 / 4] = 0, device[0x20 / 4] = 0;
    device[0x70 / 4] = 1 | 2 | 8;
    for (uint32_t i = 0; i < count; i++) {
        struct queue *q = &queues[i];
        device[0x30 / 4] = i;
        device[0x38 / 4] = queue_size;
        device[0x80 / 4] = (uint32_t)q->descriptors, device[0x84 / 4] = 0;
        device[0x90 / 4] = (uint32_t)&q->available, device[0x94 / 4] = 0;
        device[0xA0 / 4] = (uint32_t)&q->used, device[0xA4 / 4] = 0;
        device[0x44 / 4] = 1;
        q->doorbell = device + 0x50 / 4, q->number = i;
    }
    device[0x70 / 4] = 1 | 2 | 8 | 4;
    if (!(device[0x70 / 4] & 4)) fail("the device does not start");
}

static void describe(struct queue *q, int at, void *address, uint32_t length, uint16_t flags) {
    q->descriptors[at] = (struct descriptor){(uint32_t)address, length, flags, (uint16_t)(at + 1)};
}
static void offer(struct queue *q, uint16_t head) {
    q->available.ring[q->available.index % queue_size] = head;
    fence();
    *(volatile uint16_t *)&q->available.index += 1;
}
static void ring(struct queue *q) {
    fence();
    if (!(*(volatile uint16_t *)&q->used.flags & 1)) *q->doorbell = q->number;
}
static int is_used(struct queue *q) { return *(volatile uint16_t *)&q->used.index != q->seen; }

static void load_disk(uint32_t size, uint32_t count) {
    static struct { uint32_t kind, priority; uint64_t sector; } header;
    static volatile uint8_t status = 255;
    struct queue *q = &queues[0];
    start(find(2), 1);
    describe(q, 0, &header, 16, 1), describe(q, 1, room, size, 1 | 2), describe(q, 2, (void *)&status, 1, 2);
    print("begin\n");
    for (uint32_t i = 0; i < count; i++) {
        header.sector = (uint64_t)(i % ((16u << 20) / size)) * (size / 512);
        offer(q, 0), ring(q);
        while (!is_used(q)) {}
        q->seen++;
    }
    if (status) fail("a request failed");
}

// virtio 1.2, section 5.10.6.
struct header {
    uint64_t source, destination;
    uint32_t source_port, destination_port, length;
    uint16_t type, operation;
    uint32_t flags, room, forwarded;
} __attribute__((packed));
enum { request = 1, response, reset, shutdown, data, credit_update, credit_request };
static struct header sent, credit;
static uint32_t out_total, in_total, in_told, host_room, host_forwarded;

static void fill(struct header *h, uint16_t operation, uint32_t length) {
    *h = (struct header){3, 2, 1000, host_port, length, 1, operation, 0, buffer_bytes, in_total};
}
// Gives the descriptors back that the host has taken, and takes one packet from it, if there is one.
static int take(void) {
    struct queue *q = &queues[0];
    if (!is_used(q)) return 0;
    fence();
    uint16_t head = (uint16_t)q->used.ring[q->seen++ % queue_size].id;
    struct header *h = (struct header *)(uint32_t)q->descriptors[head].address;
    uint16_t operation = h->operation;
    host_room = h->room, host_forwarded = h->forwarded;
    if (operation == data) in_total += h->length;
    offer(q, head);
    if (operation < response || operation == reset || operation == shutdown) fail("another packet");
    return operation;
}
static void tell(uint16_t operation) {
    struct queue *q = &queues[1];
    fill(&credit, operation, 0);
    describe(q, 60, &credit, sizeof credit, 0);
    uint16_t want = (uint16_t)(q->available.index + 1);
    offer(q, 60), ring(q);
    // Packets are answered in their order.
    while (*(volatile uint16_t *)&q->used.index != want) {}
}
static void connect(uint32_t size, const char *way) {
    start(find(19), 2);
    for (uint16_t i = 0; i < 32; i++) {
        describe(&queues[0], i, room + i * (size + sizeof(struct header)), size + sizeof(struct header), 2);
        offer(&queues[0], i);
    }
    ring(&queues[0]);
    tell(request);
    while (take() != response) {}
    uint8_t *first = room + (8 << 20);
    *first = (uint8_t)*way;
    fill(&sent, data, 1);
    describe(&queues[1], 0, &sent, sizeof sent, 1), describe(&queues[1], 1, first, 1, 0);
    offer(&queues[1], 0), ring(&queues[1]);
    while (*(volatile uint16_t *)&queues[1].used.index != queues[1].available.index) {}
    out_total = 1;
}
static void load_send(uint32_t size, uint32_t count) {
    struct queue *q = &queues[1];
    connect(size, "s");
    fill(&sent, data, size);
    // Eight packets that are the same.
    for (int i = 0; i < 16; i += 2) {
        describe(q, i, &sent, sizeof sent, 1), describe(q, i + 1, room + (8 << 20), size, 0);
    }
    q->seen = q->available.index;
    print("begin\n");
    for (uint32_t i = 0; i < count;) {
        q->seen = *(volatile uint16_t *)&q->used.index;
        if ((uint16_t)(q->available.index - q->seen) < 8 && host_room - (out_total - host_forwarded) >= size) {
            offer(q, (uint16_t)(i % 8 * 2)), ring(q);
            out_total += size, i++;
        } else if (take()) {
            ring(&queues[0]);
        }
    }
    while (*(volatile uint16_t *)&q->used.index != q->available.index) {}
}
static void load_receive(uint32_t size, uint32_t count) {
    connect(size, "r");
    print("begin\n");
    while (in_total < count * size) {
        int operation = take();
        if (!operation) continue;
        ring(&queues[0]);
        if (operation == credit_request || in_total - in_told >= buffer_bytes / 4) in_told = in_total, tell(credit_update);
    }
}

static const char *word;
static int is_word(const char *text) {
    const char *at = word;
    while (*text && *at == *text) at++, text++;
    if (*text || *at != ' ') return 0;
    word = at + 1;
    return 1;
}
static uint32_t number(void) {
    uint32_t value = 0;
    while (*word >= '0' && *word <= '9') value = value * 10 + (uint32_t)(*word++ - '0');
    if (*word == ' ') word++;
    return value;
}
// The start information of PVH has the address of the command line at byte 24.
__attribute__((used)) static void run(const uint8_t *information) {
    word = *(const char *const *)(information + 24);
    void (*load)(uint32_t, uint32_t) =
        is_word("disk") ? load_disk : is_word("send") ? load_send : is_word("receive") ? load_receive : 0;
    if (!load) fail("what to do?");
    uint32_t size = number(), count = number();
    load(size, count);
    print("end\n");
    turn_off();
}
