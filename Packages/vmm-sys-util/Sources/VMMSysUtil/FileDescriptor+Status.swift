// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// What kind of file a descriptor is open on.
public enum FileKind: Sendable, Equatable {
    /// A file with a size and positions, a memfd included.
    case regular
    /// A block device; its size is not what `byteCount` says.
    case blockDevice
    /// A character device, a terminal for example.
    case characterDevice
    /// A directory.
    case directory
    /// A pipe or FIFO.
    case pipe
    /// A socket.
    case socket
    /// Anything else: an eventfd, an epoll, a KVM handle.
    case other
}

extension FileDescriptor {
    /// The file's size in bytes as `fstat(2)` tells it: zero for devices, pipes and sockets.
    public borrowing func byteCount() throws(Errno) -> UInt64 {
        UInt64(clamping: try Syscall.status(rawValue).st_size)
    }

    /// What the descriptor is open on.
    public borrowing func kind() throws(Errno) -> FileKind {
        switch try Syscall.status(rawValue).st_mode & S_IFMT {
        case S_IFREG: .regular
        case S_IFBLK: .blockDevice
        case S_IFCHR: .characterDevice
        case S_IFDIR: .directory
        case S_IFIFO: .pipe
        case S_IFSOCK: .socket
        default: .other
        }
    }

    /// Whether it is a terminal.
    public borrowing func isTerminal() -> Bool { isatty(rawValue) == 1 }

    /// Cuts or extends (with a hole) a file.
    /// - Throws: `.invalidArgument` for a size past 2^63 - 1.
    public borrowing func setByteCount(_ byteCount: UInt64) throws(Errno) {
        guard let byteCount = Int64(exactly: byteCount) else { throw .invalidArgument }
        try Syscall.truncate(rawValue, byteCount: byteCount)
    }

    /// Whether calls answer `.wouldBlock` instead of waiting. The flag is the open file's: all its descriptors,
    /// in other processes too, share it.
    public borrowing func isNonBlocking() throws(Errno) -> Bool {
        try Syscall.control(rawValue, F_GETFL) & O_NONBLOCK != 0
    }

    /// Sets or clears the non-blocking flag of the open file.
    public borrowing func setNonBlocking(_ isNonBlocking: Bool = true) throws(Errno) {
        let old = try Syscall.control(rawValue, F_GETFL)
        let new = isNonBlocking ? old | O_NONBLOCK : old & ~O_NONBLOCK
        if new != old { _ = try Syscall.control(rawValue, F_SETFL, new) }
    }

    /// Sets or clears close-on-exec of this descriptor; everything this package opens has it set.
    public borrowing func setCloseOnExec(_ isCloseOnExec: Bool) throws(Errno) {
        _ = try Syscall.control(rawValue, F_SETFD, isCloseOnExec ? FD_CLOEXEC : 0)
    }
}
