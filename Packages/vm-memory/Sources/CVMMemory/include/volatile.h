// SPDX-License-Identifier: Apache-2.0
// Volatile loads and stores: what Swift cannot say. The compiler may merge or drop two plain loads of one address;
// guest memory changes between them.
#ifndef CVMMEMORY_VOLATILE_H
#define CVMMEMORY_VOLATILE_H

#include <stddef.h>
#include <stdint.h>

static inline uint8_t vmm_load8(const void *p) { return *(const volatile uint8_t *)p; }
static inline uint16_t vmm_load16(const void *p) { return *(const volatile uint16_t *)p; }
static inline uint32_t vmm_load32(const void *p) { return *(const volatile uint32_t *)p; }
static inline uint64_t vmm_load64(const void *p) { return *(const volatile uint64_t *)p; }
static inline void vmm_store8(void *p, uint8_t v) { *(volatile uint8_t *)p = v; }
static inline void vmm_store16(void *p, uint16_t v) { *(volatile uint16_t *)p = v; }
static inline void vmm_store32(void *p, uint32_t v) { *(volatile uint32_t *)p = v; }
static inline void vmm_store64(void *p, uint64_t v) { *(volatile uint64_t *)p = v; }

// Two aligned 8-byte halves. x86-64 and arm64 never tear an aligned 8-byte half of an aligned 16-byte vector access.
typedef uint64_t vmm_pair __attribute__((vector_size(16), may_alias));

// Copies out of guest memory. The guest side is accessed in naturally aligned pieces of 1, 2, 4, 8 and 16 bytes only,
// so no aligned field inside the copy is ever seen half-written. The host side may have any alignment.
static inline void vmm_copy_out(void *host, const void *guest, size_t n) {
    unsigned char *h = (unsigned char *)host;
    const unsigned char *g = (const unsigned char *)guest;
    if (n >= 1 && ((uintptr_t)g & 1)) { *h = vmm_load8(g); h += 1; g += 1; n -= 1; }
    if (n >= 2 && ((uintptr_t)g & 2)) { uint16_t v = vmm_load16(g); __builtin_memcpy(h, &v, 2); h += 2; g += 2; n -= 2; }
    if (n >= 4 && ((uintptr_t)g & 4)) { uint32_t v = vmm_load32(g); __builtin_memcpy(h, &v, 4); h += 4; g += 4; n -= 4; }
    if (n >= 8 && ((uintptr_t)g & 8)) { uint64_t v = vmm_load64(g); __builtin_memcpy(h, &v, 8); h += 8; g += 8; n -= 8; }
    while (n >= 64 && ((uintptr_t)g & 15) == 0) {
        const volatile vmm_pair *q = (const volatile vmm_pair *)(const void *)g;
        vmm_pair a = q[0], b = q[1], c = q[2], d = q[3];
        __builtin_memcpy(h, &a, 16);
        __builtin_memcpy(h + 16, &b, 16);
        __builtin_memcpy(h + 32, &c, 16);
        __builtin_memcpy(h + 48, &d, 16);
        h += 64; g += 64; n -= 64;
    }
    while (n >= 8 && ((uintptr_t)g & 7) == 0) { uint64_t v = vmm_load64(g); __builtin_memcpy(h, &v, 8); h += 8; g += 8; n -= 8; }
    if (n >= 4 && ((uintptr_t)g & 3) == 0) { uint32_t v = vmm_load32(g); __builtin_memcpy(h, &v, 4); h += 4; g += 4; n -= 4; }
    if (n >= 2 && ((uintptr_t)g & 1) == 0) { uint16_t v = vmm_load16(g); __builtin_memcpy(h, &v, 2); h += 2; g += 2; n -= 2; }
    while (n >= 1) { *h = vmm_load8(g); h += 1; g += 1; n -= 1; }
}

// Copies into guest memory, with the same promise.
static inline void vmm_copy_in(void *guest, const void *host, size_t n) {
    unsigned char *g = (unsigned char *)guest;
    const unsigned char *h = (const unsigned char *)host;
    if (n >= 1 && ((uintptr_t)g & 1)) { vmm_store8(g, *h); h += 1; g += 1; n -= 1; }
    if (n >= 2 && ((uintptr_t)g & 2)) { uint16_t v; __builtin_memcpy(&v, h, 2); vmm_store16(g, v); h += 2; g += 2; n -= 2; }
    if (n >= 4 && ((uintptr_t)g & 4)) { uint32_t v; __builtin_memcpy(&v, h, 4); vmm_store32(g, v); h += 4; g += 4; n -= 4; }
    if (n >= 8 && ((uintptr_t)g & 8)) { uint64_t v; __builtin_memcpy(&v, h, 8); vmm_store64(g, v); h += 8; g += 8; n -= 8; }
    while (n >= 64 && ((uintptr_t)g & 15) == 0) {
        volatile vmm_pair *q = (volatile vmm_pair *)(void *)g;
        vmm_pair a, b, c, d;
        __builtin_memcpy(&a, h, 16);
        __builtin_memcpy(&b, h + 16, 16);
        __builtin_memcpy(&c, h + 32, 16);
        __builtin_memcpy(&d, h + 48, 16);
        q[0] = a; q[1] = b; q[2] = c; q[3] = d;
        h += 64; g += 64; n -= 64;
    }
    while (n >= 8 && ((uintptr_t)g & 7) == 0) { uint64_t v; __builtin_memcpy(&v, h, 8); vmm_store64(g, v); h += 8; g += 8; n -= 8; }
    if (n >= 4 && ((uintptr_t)g & 3) == 0) { uint32_t v; __builtin_memcpy(&v, h, 4); vmm_store32(g, v); h += 4; g += 4; n -= 4; }
    if (n >= 2 && ((uintptr_t)g & 1) == 0) { uint16_t v; __builtin_memcpy(&v, h, 2); vmm_store16(g, v); h += 2; g += 2; n -= 2; }
    while (n >= 1) { vmm_store8(g, *h); h += 1; g += 1; n -= 1; }
}

#endif
