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
    /// `ESRCH`: no such process or thread.
    public static let noSuchProcess = Errno(rawValue: ESRCH)
    /// `ENXIO`: no such device or address.
    public static let noSuchDeviceOrAddress = Errno(rawValue: ENXIO)
    /// `ECHILD`: no child process.
    public static let noChild = Errno(rawValue: ECHILD)
    /// `EBUSY`: device or resource busy.
    public static let busy = Errno(rawValue: EBUSY)
    /// `EXDEV`: a link between two file systems.
    public static let crossDevice = Errno(rawValue: EXDEV)
    /// `ENODEV`: no such device.
    public static let noSuchDevice = Errno(rawValue: ENODEV)
    /// `ENOTDIR`: a path component is not a directory.
    public static let notADirectory = Errno(rawValue: ENOTDIR)
    /// `EISDIR`: a directory where a file was wanted.
    public static let isADirectory = Errno(rawValue: EISDIR)
    /// `ENFILE`: the system's table of open files is full.
    public static let tooManyFilesInSystem = Errno(rawValue: ENFILE)
    /// `EMFILE`: the process has its limit of descriptors open.
    public static let tooManyFiles = Errno(rawValue: EMFILE)
    /// `EFBIG`: the file would grow past a limit.
    public static let fileTooLarge = Errno(rawValue: EFBIG)
    /// `ESPIPE`: a pipe or socket has no position.
    public static let illegalSeek = Errno(rawValue: ESPIPE)
    /// `EROFS`: the file system is read-only.
    public static let readOnlyFileSystem = Errno(rawValue: EROFS)
    /// `EMLINK`: too many links.
    public static let tooManyLinks = Errno(rawValue: EMLINK)
    /// `ERANGE`: the result does not fit.
    public static let outOfRange = Errno(rawValue: ERANGE)
    /// `EDEADLK`: the call would wait for itself.
    public static let deadlock = Errno(rawValue: EDEADLK)
    /// `ENAMETOOLONG`: a file name is too long.
    public static let nameTooLong = Errno(rawValue: ENAMETOOLONG)
    /// `ENOTEMPTY`: the directory has entries.
    public static let notEmpty = Errno(rawValue: ENOTEMPTY)
    /// `ELOOP`: too many symbolic links in a path.
    public static let tooManySymbolicLinks = Errno(rawValue: ELOOP)
    /// `ENODATA`: no data, or no such extended attribute.
    public static let noData = Errno(rawValue: ENODATA)
    /// `EOVERFLOW`: the value is too large for the type.
    public static let overflow = Errno(rawValue: EOVERFLOW)
    /// `EBADMSG`: a malformed message.
    public static let badMessage = Errno(rawValue: EBADMSG)
    /// `EMSGSIZE`: the message does not fit.
    public static let messageTooLarge = Errno(rawValue: EMSGSIZE)
    /// `ENOTSOCK`: the descriptor is not a socket.
    public static let notASocket = Errno(rawValue: ENOTSOCK)
    /// `EPROTOTYPE`: the socket is of another type.
    public static let wrongProtocolType = Errno(rawValue: EPROTOTYPE)
    /// `EOPNOTSUPP`: the operation is not supported.
    public static let notSupported = Errno(rawValue: EOPNOTSUPP)
    /// `EADDRINUSE`: the address is taken.
    public static let addressInUse = Errno(rawValue: EADDRINUSE)
    /// `EADDRNOTAVAIL`: the address is not of this machine.
    public static let addressNotAvailable = Errno(rawValue: EADDRNOTAVAIL)
    /// `ENETUNREACH`: no route to the network.
    public static let networkUnreachable = Errno(rawValue: ENETUNREACH)
    /// `ECONNABORTED`: the connection was aborted.
    public static let connectionAborted = Errno(rawValue: ECONNABORTED)
    /// `ECONNRESET`: the peer reset the connection.
    public static let connectionReset = Errno(rawValue: ECONNRESET)
    /// `ENOBUFS`: no buffer space.
    public static let noBuffers = Errno(rawValue: ENOBUFS)
    /// `EISCONN`: the socket is connected already.
    public static let alreadyConnected = Errno(rawValue: EISCONN)
    /// `ENOTCONN`: the socket is not connected.
    public static let notConnected = Errno(rawValue: ENOTCONN)
    /// `ETIMEDOUT`: the time limit passed.
    public static let timedOut = Errno(rawValue: ETIMEDOUT)
    /// `ECONNREFUSED`: nobody listens there.
    public static let connectionRefused = Errno(rawValue: ECONNREFUSED)
    /// `EHOSTUNREACH`: no route to the host.
    public static let hostUnreachable = Errno(rawValue: EHOSTUNREACH)
    /// `EALREADY`: an earlier attempt has not ended.
    public static let alreadyInProgress = Errno(rawValue: EALREADY)
    /// `EINPROGRESS`: the connection is being made.
    public static let inProgress = Errno(rawValue: EINPROGRESS)
    /// `ESTALE`: a stale file handle.
    public static let stale = Errno(rawValue: ESTALE)
    /// `EDQUOT`: the disk quota is used up.
    public static let quotaExceeded = Errno(rawValue: EDQUOT)
    /// `ECANCELED`: the operation was cancelled.
    public static let cancelled = Errno(rawValue: ECANCELED)
    /// `EHWPOISON`: the page has a hardware memory error.
    public static let memoryPoisoned = Errno(rawValue: EHWPOISON)
}

extension Errno: CustomStringConvertible {
    /// The C library's text and the symbolic name, such as `No such file or directory (ENOENT)`.
    public var description: String {
        let text = strerrordesc_np(rawValue).map { String(cString: $0) } ?? "error \(rawValue)"
        guard let name = strerrorname_np(rawValue) else { return text }
        return "\(text) (\(String(cString: name)))"
    }
}
