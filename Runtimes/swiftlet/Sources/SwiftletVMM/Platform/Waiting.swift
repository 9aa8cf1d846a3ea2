// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// Sleeps the calling thread.
func sleepMilliseconds(_ count: UInt32) { usleep(count &* 1000) }

/// Waits until a descriptor takes bytes, or its other end is gone.
func waitUntilWritable(_ descriptor: borrowing FileDescriptor) {
    var entry = pollfd(fd: descriptor.rawValue, events: Int16(POLLOUT), revents: 0)
    poll(&entry, 1, -1)
}
