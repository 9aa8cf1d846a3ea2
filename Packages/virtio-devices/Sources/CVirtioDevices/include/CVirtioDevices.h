// SPDX-License-Identifier: Apache-2.0
// What `import Glibc` does not offer.
//
// _GNU_SOURCE is not defined here: it changes the layout of types (fd_set) that the Glibc module defines too, and
// the compiler refuses two definitions. What only _GNU_SOURCE declares is declared by hand.
#ifndef CVIRTIODEVICES_H
#define CVIRTIODEVICES_H

#include <linux/falloc.h>
#include <stdint.h>
#include <sys/random.h>

int fallocate(int fd, int mode, long offset, long length);

#include "ring.h"

#endif
