// SPDX-License-Identifier: Apache-2.0
#include "CVMMSysUtil.h"

#include <sys/timerfd.h>

int vmm_timer_create(int clock) { return timerfd_create(clock, TFD_CLOEXEC | TFD_NONBLOCK); }

static struct timespec from_nanoseconds(uint64_t count) {
    return (struct timespec){(time_t)(count / 1000000000), (long)(count % 1000000000)};
}

int vmm_timer_set(int fd, int is_absolute, uint64_t first, uint64_t interval) {
    struct itimerspec value = {from_nanoseconds(interval), from_nanoseconds(first)};
    return timerfd_settime(fd, is_absolute ? TFD_TIMER_ABSTIME : 0, &value, NULL);
}
