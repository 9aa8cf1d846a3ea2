// SPDX-License-Identifier: Apache-2.0
#include "CVMMSysUtil.h"

#include <errno.h>
#include <signal.h>
#include <stddef.h>

static struct termios saved_mode;
static int saved_fd = -1;

// Remembers what to restore; one terminal per process, as a signal can only mean one.
int vmm_terminal_arm(int fd, const struct termios *saved) {
    if (__atomic_load_n(&saved_fd, __ATOMIC_ACQUIRE) >= 0) {
        errno = EBUSY;
        return -1;
    }
    saved_mode = *saved;
    __atomic_store_n(&saved_fd, fd, __ATOMIC_RELEASE);
    return 0;
}

void vmm_terminal_disarm(void) { __atomic_store_n(&saved_fd, -1, __ATOMIC_RELEASE); }

// Async-signal-safe: tcsetattr is on POSIX's list. Leaves errno alone.
void vmm_terminal_restore(void) {
    int fd = __atomic_load_n(&saved_fd, __ATOMIC_ACQUIRE);
    if (fd < 0) return;
    int error = errno;
    tcsetattr(fd, TCSANOW, &saved_mode);
    errno = error;
}

// SA_RESETHAND has put the default action back, so the signal raised here ends the process once the handler returns.
static void restore_and_die(int signal) {
    vmm_terminal_restore();
    raise(signal);
}

int vmm_terminal_restore_on(int signal) {
    struct sigaction action = {0};
    struct sigaction old;
    if (sigaction(signal, NULL, &old) < 0) return -1;
    if (old.sa_handler != SIG_DFL) return 0;
    action.sa_handler = restore_and_die;
    action.sa_flags = (int)SA_RESETHAND;
    return sigaction(signal, &action, NULL);
}

static int argument_count;
static char **arguments;

// glibc gives its constructors what main gets.
__attribute__((constructor)) static void keep_arguments(int count, char **values) {
    argument_count = count;
    arguments = values;
}

const char *vmm_program_argument(int index) {
    return index >= 0 && index < argument_count ? arguments[index] : NULL;
}
