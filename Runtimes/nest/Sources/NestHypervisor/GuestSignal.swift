// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMSysUtil

/// How a guest tells that it answers: it connects to a port of the host, where this listens. A guest that boots need not be
/// asked again and again, which costs both sides.
///
/// It is a hint and no more. VMM and guest may be hostile, and tell what is not so, or nothing.
struct GuestSignal: ~Copyable, Sendable {
    private let listener: FileDescriptor

    init(in directory: borrowing SocketDirectory, port: UInt32) throws(Errno) {
        listener = try directory.listen("\(VMMConfiguration.socketName)_\(port)")
    }

    /// Waits until the guest has told, or the time is over. What it told is told once.
    func wait(timeout: Duration) {
        let deadline = Deadline(after: timeout)
        var entry = pollfd(fd: listener.rawValue, events: Int16(POLLIN), revents: 0)
        while poll(&entry, 1, deadline.pollMilliseconds) < 0, Errno.last == .interrupted {}
        let stream = accept(listener.rawValue, nil, nil)
        if stream >= 0 { close(stream) }
    }
}
