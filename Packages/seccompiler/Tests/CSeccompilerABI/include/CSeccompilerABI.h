// SPDX-License-Identifier: Apache-2.0
// The constants as this machine's headers have them.
#ifndef CSECCOMPILERABI_H
#define CSECCOMPILERABI_H

#include <stddef.h>
#include <stdint.h>

struct abi_constant {
    const char *name;
    uint64_t value;
};

const struct abi_constant *abi_first(void);
extern const size_t abi_constant_count;

#endif
