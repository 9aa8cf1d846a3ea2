// SPDX-License-Identifier: Apache-2.0
internal import CVirtioDevices
internal import Glibc
public import VMMSysUtil

/// The host's end of one direction of a console port: a descriptor that never blocks the thread which serves the device.
///
/// Pipes, sockets, terminals, character devices and files are all fine.
public struct HostDescriptor: ~Copyable, Sendable {
    /// Which way the bytes go, seen from the host.
    public enum Direction: Sendable {
        /// The device reads it; the guest receives.
        case input
        /// The device writes it; the guest sent.
        case output
    }

    /// The descriptor; non-blocking where its kind can be.
    public let descriptor: FileDescriptor

    /// Takes over `descriptor` and makes it non-blocking, if possible without touching who shares it.
    ///
    /// O_NONBLOCK belongs to the open file, not to the descriptor: set on a terminal or a pipe that was inherited, it
    /// changes the shell's or the sibling's descriptor too. So a pipe or a terminal is opened a second time through
    /// `/proc/self/fd`; only where that cannot be (sockets, pseudo-terminal masters, no `/proc`) the flag is set in place.
    /// - Throws: the error of `fstat` or `fcntl`, such as `.badFileDescriptor`.
    public init(adopting descriptor: consuming FileDescriptor, for direction: Direction) throws(Errno) {
        let number = descriptor.rawValue
        var info = stat()
        try retryOnInterrupt { fstat(number, &info) }
        let flags = try retryOnInterrupt { fcntl(number, F_GETFL) }
        let kind = info.st_mode & S_IFMT
        if kind == S_IFREG || kind == S_IFBLK || flags & O_NONBLOCK != 0 {
            self.descriptor = descriptor
            return
        }
        let mode = direction == .input ? O_RDONLY : O_WRONLY
        // Opening a master of a pseudo-terminal (character device 5:2) makes a new one instead.
        let isTerminalMaster = kind == S_IFCHR && info.st_rdev == (5 << 8 | 2)
        if kind == S_IFIFO || (kind == S_IFCHR && !isTerminalMaster) {
            let reopened = open("/proc/self/fd/\(number)", mode | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)
            if reopened >= 0 {
                self.descriptor = FileDescriptor(owning: reopened)
                return
            }
        }
        try retryOnInterrupt { fcntl(number, F_SETFL, flags | O_NONBLOCK) }
        self.descriptor = descriptor
    }
}
