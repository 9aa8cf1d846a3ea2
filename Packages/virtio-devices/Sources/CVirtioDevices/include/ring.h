// SPDX-License-Identifier: Apache-2.0
// io_uring: its system calls, which the C library lacks, and the layout of what it shares with the kernel.
//
// <linux/io_uring.h> is for ring.c only: it brings <linux/fs.h> along, which defines what the Glibc module has from
// <sys/mount.h>.
#ifndef CVIRTIODEVICES_RING_H
#define CVIRTIODEVICES_RING_H

#include <stdint.h>

// Where things are in the two mappings: of both rings' words and the completions, and of the entries.
struct vmm_ring_layout {
    uint32_t entries, completions;
    uint32_t sq_head, sq_tail, sq_array, cq_head, cq_tail, cqes;
    uint64_t ring_bytes, entries_bytes, ring_offset, entries_offset;
};

// One entry to submit; `file` is an index of the registered files if `flags` has VMM_RING_FIXED_FILE.
struct vmm_ring_entry {
    uint8_t opcode, flags;
    int32_t file;
    uint32_t rw_flags, count;
    uint64_t offset, address, user_data;
};

struct vmm_ring_completion {
    uint64_t user_data;
    int32_t result;
};

extern const uint8_t vmm_ring_readv, vmm_ring_writev, vmm_ring_fsync, vmm_ring_fixed_file;
extern const uint32_t vmm_ring_datasync, vmm_ring_dsync;

// -1 and errno on failure, all of them. `set_up` makes a disabled ring, close-on-exec.
int vmm_ring_set_up(uint32_t entries, struct vmm_ring_layout *layout);
int vmm_ring_register_file(int ring, int file);
int vmm_ring_register_event(int ring, int event);
// From `enable` on: the three opcodes above, with the fixed-file flag and no other, and nothing more registered.
int vmm_ring_restrict(int ring);
int vmm_ring_enable(int ring);
// Hands over entries, waits for completions.
int vmm_ring_enter(int ring, uint32_t submitted, uint32_t awaited);

void vmm_ring_write_entry(void *entries, uint32_t index, const struct vmm_ring_entry *entry);
uint64_t vmm_ring_read_token(const void *entries, uint32_t index);
struct vmm_ring_completion vmm_ring_read_completion(const void *completions, uint32_t index);

// The indices, which each side writes and the other reads.
static inline uint32_t vmm_ring_load_acquire(const uint32_t *word) { return __atomic_load_n(word, __ATOMIC_ACQUIRE); }
static inline void vmm_ring_store_release(uint32_t *word, uint32_t value) {
    __atomic_store_n(word, value, __ATOMIC_RELEASE);
}

#endif
