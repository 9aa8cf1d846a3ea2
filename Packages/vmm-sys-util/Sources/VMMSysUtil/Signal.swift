// SPDX-License-Identifier: Apache-2.0
internal import Glibc

/// A signal number, 1 to 64.
public struct Signal: RawRepresentable, Hashable, Sendable {
    /// The number as `kill(2)` takes it.
    public let rawValue: Int32
    /// Wraps a number; one that the kernel does not know makes the calls below throw `.invalidArgument`.
    public init(rawValue: Int32) { self.rawValue = rawValue }

    /// `SIGHUP`
    public static let hangUp = Signal(rawValue: SIGHUP)
    /// `SIGINT`
    public static let interrupt = Signal(rawValue: SIGINT)
    /// `SIGQUIT`
    public static let quit = Signal(rawValue: SIGQUIT)
    /// `SIGILL`, what a Swift trap raises on x86
    public static let illegalInstruction = Signal(rawValue: SIGILL)
    /// `SIGTRAP`, what a Swift trap raises on arm64
    public static let trap = Signal(rawValue: SIGTRAP)
    /// `SIGABRT`
    public static let abort = Signal(rawValue: SIGABRT)
    /// `SIGBUS`
    public static let bus = Signal(rawValue: SIGBUS)
    /// `SIGSEGV`
    public static let segmentationFault = Signal(rawValue: SIGSEGV)
    /// `SIGSYS`, what a seccomp filter raises
    public static let badSystemCall = Signal(rawValue: SIGSYS)
    /// `SIGUSR1`
    public static let user1 = Signal(rawValue: SIGUSR1)
    /// `SIGUSR2`
    public static let user2 = Signal(rawValue: SIGUSR2)
    /// `SIGPIPE`
    public static let brokenPipe = Signal(rawValue: SIGPIPE)
    /// `SIGTERM`
    public static let terminate = Signal(rawValue: SIGTERM)
    /// `SIGCHLD`
    public static let child = Signal(rawValue: SIGCHLD)
    /// `SIGWINCH`, the terminal's size changed
    public static let windowChanged = Signal(rawValue: SIGWINCH)

    /// A real-time signal, counted from the first that the C library leaves free (`SIGRTMIN`).
    /// - Returns: nil past `SIGRTMAX`.
    public static func realTime(_ index: Int32) -> Signal? {
        let (number, overflow) = __libc_current_sigrtmin().addingReportingOverflow(index)
        guard index >= 0, !overflow, number <= __libc_current_sigrtmax() else { return nil }
        return Signal(rawValue: number)
    }

    /// Makes the signal do nothing but end a blocking call with `EINTR`: what a kick of a vCPU thread needs.
    public func installEmptyHandler() throws(Errno) {
        // Without SA_RESTART, which would put the thread back to sleep.
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in }
        try install(&action)
    }

    /// Makes the whole process ignore the signal; children inherit that.
    public func ignore() throws(Errno) {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = SIG_IGN
        try install(&action)
    }

    /// Gives the signal its default action back.
    public func restoreDefault() throws(Errno) {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = SIG_DFL
        try install(&action)
    }

    private func install(_ action: inout sigaction) throws(Errno) {
        try retryOnInterrupt { sigaction(rawValue, &action, nil) }
    }
}

/// A set of signals: bit n - 1 stands for signal n, as the kernel (and `KVM_SET_SIGNAL_MASK`) has it.
public struct SignalSet: RawRepresentable, Hashable, Sendable, ExpressibleByArrayLiteral {
    /// The kernel's 64-bit mask.
    public var rawValue: UInt64
    /// Wraps a kernel mask.
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The set of these signals; numbers outside 1 to 64 are left out.
    public init(_ signals: some Sequence<Signal>) {
        rawValue = 0
        for signal in signals { insert(signal) }
    }

    /// The set of these signals; numbers outside 1 to 64 are left out.
    public init(arrayLiteral elements: Signal...) { self.init(elements) }

    /// Every signal. KILL and STOP stay deliverable whatever a mask says.
    public static let all = SignalSet(rawValue: .max)

    /// Whether the signal is in the set.
    public func contains(_ signal: Signal) -> Bool { rawValue & Self.bit(signal) != 0 }
    /// Adds a signal; numbers outside 1 to 64 are left out.
    public mutating func insert(_ signal: Signal) { rawValue |= Self.bit(signal) }
    /// Takes a signal out.
    public mutating func remove(_ signal: Signal) { rawValue &= ~Self.bit(signal) }

    private static func bit(_ signal: Signal) -> UInt64 {
        (1...64).contains(signal.rawValue) ? 1 << UInt64(signal.rawValue - 1) : 0
    }
}

extension SignalSet {
    /// Blocks these signals in the calling thread; threads it starts inherit that.
    /// - Returns: what was blocked before.
    @discardableResult
    public func block() throws(Errno) -> SignalSet { try change(SIG_BLOCK) }

    /// Unblocks these signals in the calling thread; those that wait are delivered before this returns.
    /// - Returns: what was blocked before.
    @discardableResult
    public func unblock() throws(Errno) -> SignalSet { try change(SIG_UNBLOCK) }

    /// Blocks exactly these signals in the calling thread.
    /// - Returns: what was blocked before.
    @discardableResult
    public func setAsMask() throws(Errno) -> SignalSet { try change(SIG_SETMASK) }

    /// What the calling thread blocks.
    public static func blocked() throws(Errno) -> SignalSet { try SignalSet(rawValue: 0).change(SIG_BLOCK) }

    private func change(_ how: Int32) throws(Errno) -> SignalSet {
        var new = sigset_t()
        var old = sigset_t()
        sigemptyset(&new)
        sigemptyset(&old)
        // The C library refuses its own two (32 and 33) with EINVAL; they are never blocked.
        for number in Int32(1)...64 where contains(Signal(rawValue: number)) { sigaddset(&new, number) }
        let error = pthread_sigmask(how, &new, &old)
        guard error == 0 else { throw Errno(rawValue: error) }
        var result = SignalSet(rawValue: 0)
        for number in Int32(1)...64 where sigismember(&old, number) == 1 { result.insert(Signal(rawValue: number)) }
        return result
    }
}
