// SPDX-License-Identifier: Apache-2.0
// The GNU-only functions that this package calls, declared by hand: defining _GNU_SOURCE here would change types that
// the Glibc module defines too.
#ifndef CVMMEMORY_MEMFD_H
#define CVMMEMORY_MEMFD_H

#include <stddef.h>

int memfd_create(const char *name, unsigned int flags);

#endif
