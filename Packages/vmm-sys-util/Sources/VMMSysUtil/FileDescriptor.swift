// SPDX-License-Identifier: Apache-2.0
internal import CVMMSysUtil
internal import Glibc

/// An owned file descriptor, closed when it goes out of scope.
///
/// It cannot be copied, so nobody can close it twice or use it after it was closed. What only borrows it takes
/// `borrowing FileDescriptor`; what must share it makes a `duplicate()`.
public struct FileDescriptor: ~Copyable, Sendable {
    /// The number, for system calls that this package does not wrap. It stays owned here: do not close it.
    public let rawValue: Int32

    /// Takes ownership of an open descriptor.
    public init(owning rawValue: Int32) { self.rawValue = rawValue }

    deinit { close(rawValue) }

    /// Gives up ownership without closing.
    /// - Returns: the number, which the caller now owns.
    public consuming func release() -> Int32 {
        let number = rawValue
        discard self
        return number
    }

    /// Makes a second descriptor for the same open file, with close-on-exec set.
    public borrowing func duplicate() throws(Errno) -> FileDescriptor {
        let number = rawValue
        return FileDescriptor(owning: try retryOnInterrupt { fcntl(number, F_DUPFD_CLOEXEC, 0) })
    }
}
