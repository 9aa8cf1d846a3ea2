// SPDX-License-Identifier: Apache-2.0
// What `import Glibc` does not offer.
#ifndef CEVENTMANAGER_H
#define CEVENTMANAGER_H

#include <semaphore.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>

#endif
