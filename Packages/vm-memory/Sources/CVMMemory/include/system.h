// SPDX-License-Identifier: Apache-2.0
// What `import Glibc` does not offer. The GNU-only function is declared by hand: defining _GNU_SOURCE here would change
// types that the Glibc module defines too.
#ifndef CVMMEMORY_SYSTEM_H
#define CVMMEMORY_SYSTEM_H

#include <sys/vfs.h>

int memfd_create(const char *name, unsigned int flags);

#endif
