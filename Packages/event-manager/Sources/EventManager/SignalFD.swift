// SPDX-License-Identifier: Apache-2.0
internal import CEventManager
internal import Glibc
public import VMMSysUtil

/// A `signalfd(2)`: signals that are read from a descriptor instead of interrupting a thread.
public struct SignalFD: ~Copyable, Sendable {
    /// One signal that came.
    public struct Arrival: Equatable, Sendable {
        /// Which.
        public let signal: Signal
        /// Who sent it, or which child changed state; zero from the kernel.
        public let processID: Int32
        /// For `.child`: the exit status or the signal that ended it.
        public let status: Int32
    }

    /// Readable while a signal waits.
    public let descriptor: FileDescriptor

    /// Blocks the signals in the calling thread and makes a descriptor for them; close-on-exec, non-blocking.
    ///
    /// A thread that does not block them takes them first: call this before the others are started, which inherit the
    /// mask.
    public init(_ signals: SignalSet) throws(Errno) {
        try signals.block()
        var set = sigset_t()
        sigemptyset(&set)
        for number in Int32(1)...64 where signals.contains(Signal(rawValue: number)) { sigaddset(&set, number) }
        let flags = Int32(SFD_CLOEXEC) | Int32(SFD_NONBLOCK)
        descriptor = FileDescriptor(owning: try retryOnInterrupt { signalfd(-1, &set, flags) })
    }

    /// Takes one signal.
    /// - Returns: nil if none waits.
    public borrowing func read() throws(Errno) -> Arrival? {
        var info = signalfd_siginfo()
        do throws(Errno) {
            let count = try withUnsafeMutableBytes(of: &info) { buffer throws(Errno) in
                try descriptor.read(into: buffer)
            }
            guard count == MemoryLayout<signalfd_siginfo>.size else { return nil }
        } catch .wouldBlock {
            return nil
        }
        return Arrival(
            signal: Signal(rawValue: Int32(truncatingIfNeeded: info.ssi_signo)),
            processID: Int32(truncatingIfNeeded: info.ssi_pid), status: info.ssi_status)
    }
}
