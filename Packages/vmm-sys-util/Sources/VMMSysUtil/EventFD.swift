// SPDX-License-Identifier: Apache-2.0
internal import CVMMSysUtil
internal import Glibc

/// An `eventfd(2)`: a 64-bit counter in the kernel that a thread, KVM or epoll can wait for and add to.
public struct EventFD: ~Copyable, Sendable {
    /// The descriptor, to register with epoll or KVM.
    public let descriptor: FileDescriptor

    /// Makes a counter of zero, close-on-exec.
    /// - Parameter isNonBlocking: whether `read` answers nil instead of waiting, and `write` throws `.wouldBlock`.
    public init(isNonBlocking: Bool = true) throws(Errno) {
        let flags = Int32(EFD_CLOEXEC) | (isNonBlocking ? Int32(EFD_NONBLOCK) : 0)
        descriptor = FileDescriptor(owning: try retryOnInterrupt { eventfd(0, flags) })
    }

    /// Takes over a descriptor that is an eventfd already.
    public init(adopting descriptor: consuming FileDescriptor) { self.descriptor = descriptor }

    /// Adds to the counter and wakes who waits.
    public borrowing func write(_ value: UInt64 = 1) throws(Errno) {
        let number = descriptor.rawValue
        try retryOnInterrupt { withUnsafeBytes(of: value) { Glibc.write(number, $0.baseAddress, 8) } }
    }

    /// Takes the counter and sets it to zero.
    /// - Returns: the count, or nil if it was zero and the descriptor is non-blocking.
    @discardableResult
    public borrowing func read() throws(Errno) -> UInt64? {
        let number = descriptor.rawValue
        var value: UInt64 = 0
        do throws(Errno) {
            try retryOnInterrupt { withUnsafeMutableBytes(of: &value) { Glibc.read(number, $0.baseAddress, 8) } }
        } catch .wouldBlock {
            return nil
        }
        return value
    }

    /// A second handle on the same counter.
    public borrowing func duplicate() throws(Errno) -> EventFD {
        EventFD(adopting: try descriptor.duplicate())
    }
}
