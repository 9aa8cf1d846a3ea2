// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// Waits until a descriptor takes bytes, or its other end is gone.
func waitUntilWritable(_ descriptor: borrowing FileDescriptor) {
    var entry = pollfd(fd: descriptor.rawValue, events: Int16(POLLOUT), revents: 0)
    poll(&entry, 1, -1)
}

/// Waits until one of two descriptors is readable.
func waitUntilReadable(_ first: borrowing FileDescriptor, _ second: borrowing FileDescriptor) throws(Errno) {
    var entries = [
        pollfd(fd: first.rawValue, events: Int16(POLLIN), revents: 0),
        pollfd(fd: second.rawValue, events: Int16(POLLIN), revents: 0),
    ]
    try retryOnInterrupt { poll(&entries, 2, -1) }
}

extension FileDescriptor {
    /// Waits until this or another descriptor is readable.
    /// - Returns: whether this one is.
    borrowing func isReadable(orWaitingFor other: borrowing FileDescriptor) throws(Errno) -> Bool {
        try waitUntilReadable(self, other)
        var entry = pollfd(fd: rawValue, events: Int16(POLLIN), revents: 0)
        return try retryOnInterrupt { poll(&entry, 1, 0) } > 0
    }
}
