// SPDX-License-Identifier: Apache-2.0
#define _GNU_SOURCE
#include "ring.h"

#include <linux/io_uring.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

const uint8_t vmm_ring_readv = IORING_OP_READV, vmm_ring_writev = IORING_OP_WRITEV, vmm_ring_fsync = IORING_OP_FSYNC;
const uint8_t vmm_ring_fixed_file = IOSQE_FIXED_FILE;
const uint32_t vmm_ring_datasync = IORING_FSYNC_DATASYNC, vmm_ring_dsync = RWF_DSYNC;

static int ring_register(int ring, unsigned opcode, const void *argument, unsigned count) {
    return (int)syscall(__NR_io_uring_register, ring, opcode, argument, count);
}

int vmm_ring_set_up(uint32_t entries, struct vmm_ring_layout *layout) {
    struct io_uring_params params;
    memset(&params, 0, sizeof params);
    params.flags = IORING_SETUP_R_DISABLED;
    int ring = (int)syscall(__NR_io_uring_setup, entries, &params);
    if (ring < 0) return -1;
    uint64_t sq_end = params.sq_off.array + (uint64_t)params.sq_entries * sizeof(uint32_t);
    uint64_t cq_end = params.cq_off.cqes + (uint64_t)params.cq_entries * sizeof(struct io_uring_cqe);
    // IORING_FEAT_SINGLE_MMAP: one mapping for both rings. It is older than disabled rings, so every kernel that came
    // as far as here has it.
    *layout = (struct vmm_ring_layout){
        .entries = params.sq_entries, .completions = params.cq_entries,
        .sq_head = params.sq_off.head, .sq_tail = params.sq_off.tail, .sq_array = params.sq_off.array,
        .cq_head = params.cq_off.head, .cq_tail = params.cq_off.tail, .cqes = params.cq_off.cqes,
        .ring_bytes = sq_end > cq_end ? sq_end : cq_end,
        .entries_bytes = (uint64_t)params.sq_entries * sizeof(struct io_uring_sqe),
        .ring_offset = IORING_OFF_SQ_RING, .entries_offset = IORING_OFF_SQES,
    };
    return ring;
}

int vmm_ring_register_file(int ring, int file) { return ring_register(ring, IORING_REGISTER_FILES, &file, 1); }

int vmm_ring_register_event(int ring, int event) { return ring_register(ring, IORING_REGISTER_EVENTFD, &event, 1); }

int vmm_ring_restrict(int ring) {
    // ENABLE_RINGS, which does nothing a second time, stands for "no other": a list without any register opcode might
    // restrict none.
    const struct io_uring_restriction rules[] = {
        {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_READV},
        {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_WRITEV},
        {.opcode = IORING_RESTRICTION_SQE_OP, .sqe_op = IORING_OP_FSYNC},
        {.opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED, .sqe_flags = IOSQE_FIXED_FILE},
        {.opcode = IORING_RESTRICTION_SQE_FLAGS_REQUIRED, .sqe_flags = IOSQE_FIXED_FILE},
        {.opcode = IORING_RESTRICTION_REGISTER_OP, .register_op = IORING_REGISTER_ENABLE_RINGS},
    };
    return ring_register(ring, IORING_REGISTER_RESTRICTIONS, rules, sizeof rules / sizeof rules[0]);
}

int vmm_ring_enable(int ring) { return ring_register(ring, IORING_REGISTER_ENABLE_RINGS, NULL, 0); }

int vmm_ring_enter(int ring, uint32_t submitted, uint32_t awaited) {
    unsigned flags = awaited > 0 ? IORING_ENTER_GETEVENTS : 0;
    return (int)syscall(__NR_io_uring_enter, ring, submitted, awaited, flags, NULL, 0);
}

void vmm_ring_write_entry(void *entries, uint32_t index, const struct vmm_ring_entry *entry) {
    ((struct io_uring_sqe *)entries)[index] = (struct io_uring_sqe){
        .opcode = entry->opcode, .flags = entry->flags, .fd = entry->file, .off = entry->offset,
        .addr = entry->address, .len = entry->count, .rw_flags = (__kernel_rwf_t)entry->rw_flags,
        .user_data = entry->user_data,
    };
}

uint64_t vmm_ring_read_token(const void *entries, uint32_t index) {
    return ((const struct io_uring_sqe *)entries)[index].user_data;
}

struct vmm_ring_completion vmm_ring_read_completion(const void *completions, uint32_t index) {
    const struct io_uring_cqe *completion = (const struct io_uring_cqe *)completions + index;
    return (struct vmm_ring_completion){.user_data = completion->user_data, .result = completion->res};
}
