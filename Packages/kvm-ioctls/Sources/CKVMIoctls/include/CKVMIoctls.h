// SPDX-License-Identifier: Apache-2.0
// What Swift cannot do itself: call the variadic ioctl(2), keep a thread-local, be a signal handler.
#ifndef CKVMIOCTLS_H
#define CKVMIOCTLS_H

#include <sys/ioctl.h>

/// ioctl(2) with its third argument as the word that it is.
static inline int ckvm_ioctl(int descriptor, unsigned long request, unsigned long argument) {
    return ioctl(descriptor, request, argument);
}

/// The calling thread's kernel id: a system call once a thread, a thread-local load after that.
int ckvm_thread_id(void);

/// Makes the kick signal interrupt system calls without doing anything else, unless the process has a handler for it
/// already, and unblocks it in the calling thread. Answers 0, or an error number.
int ckvm_prepare_kick_signal(void);

/// Sends the kick signal to one thread of this process; a thread that is gone is not an error.
void ckvm_kick_thread(int thread);

#endif
