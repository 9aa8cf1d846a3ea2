// SPDX-License-Identifier: Apache-2.0
internal import CVMMSysUtil
internal import Glibc

/// An error number of the C library, kept as the raw value so that one this file does not name survives.
public struct Errno: RawRepresentable, Error, Hashable, Sendable {
    /// The value as `errno` held it.
    public let rawValue: Int32

    /// Wraps a raw error number.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// The calling thread's `errno`; read it in the statement after the failed call.
    public static var last: Errno { Errno(rawValue: Glibc.errno) }
}

extension Errno {
    /// `EPERM`: operation not permitted.
    public static let notPermitted = Errno(rawValue: EPERM)
    /// `ENOENT`: no such file or directory.
    public static let noSuchFile = Errno(rawValue: ENOENT)
    /// `EINTR`: a signal arrived first.
    public static let interrupted = Errno(rawValue: EINTR)
    /// `EIO`: input/output error.
    public static let inputOutput = Errno(rawValue: EIO)
    /// `E2BIG`: argument list, or a counted structure, too long.
    public static let tooBig = Errno(rawValue: E2BIG)
    /// `EBADF`: bad file descriptor.
    public static let badFileDescriptor = Errno(rawValue: EBADF)
    /// `EAGAIN`: try again; a non-blocking call would have blocked.
    public static let wouldBlock = Errno(rawValue: EAGAIN)
    /// `ENOMEM`: out of memory.
    public static let noMemory = Errno(rawValue: ENOMEM)
    /// `EACCES`: permission denied.
    public static let permissionDenied = Errno(rawValue: EACCES)
    /// `EFAULT`: bad address.
    public static let badAddress = Errno(rawValue: EFAULT)
    /// `EEXIST`: already exists.
    public static let exists = Errno(rawValue: EEXIST)
    /// `EINVAL`: invalid argument.
    public static let invalidArgument = Errno(rawValue: EINVAL)
    /// `ENOTTY`: the descriptor does not know this ioctl.
    public static let inappropriateIoctl = Errno(rawValue: ENOTTY)
    /// `ENOSPC`: no space left on the device.
    public static let noSpace = Errno(rawValue: ENOSPC)
    /// `EPIPE`: the reader is gone.
    public static let brokenPipe = Errno(rawValue: EPIPE)
    /// `ENOSYS`: the kernel lacks this system call.
    public static let noSuchSystemCall = Errno(rawValue: ENOSYS)
}

extension Errno: CustomStringConvertible {
    /// The C library's text and the symbolic name, such as `No such file or directory (ENOENT)`.
    public var description: String {
        let text = strerrordesc_np(rawValue).map { String(cString: $0) } ?? "error \(rawValue)"
        guard let name = strerrorname_np(rawValue) else { return text }
        return "\(text) (\(String(cString: name)))"
    }
}
