// SPDX-License-Identifier: Apache-2.0
#include <stddef.h>
#include <string.h>

struct ckvm_row {
    const char *name;
    unsigned long value;
};

static long ckvm_lookup(const struct ckvm_row *rows, size_t count, const char *name) {
    for (size_t i = 0; i < count; i++)
        if (strcmp(rows[i].name, name) == 0) return (long)rows[i].value;
    return -1;
}
