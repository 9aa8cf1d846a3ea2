// SPDX-License-Identifier: Apache-2.0
internal import CVMMSysUtil
internal import Glibc

/// A terminal in raw mode: every key goes to the guest, and what was set before comes back with `deinit`.
///
/// `deinit` does not run when a signal or `exit` ends the process: name those signals in `restoringOn`, and call
/// `restoreNow()` before `exit`. One terminal at a time.
public struct TerminalMode: ~Copyable {
    /// The signals that end a process unless it handles them, and can come from its own faults.
    public static let fatalSignals: SignalSet = [
        .hangUp, .interrupt, .quit, .illegalInstruction, .trap, .abort, .bus, .segmentationFault, .badSystemCall,
        .brokenPipe, .terminate,
    ]

    private let terminal: FileDescriptor

    /// Saves the terminal's mode and makes it raw.
    ///
    /// - Parameters:
    ///   - terminal: what `isTerminal()`; a duplicate of it is kept.
    ///   - signals: restore the terminal, then end the process as they would have. A signal that has a handler
    ///     already, or is ignored, keeps that: its handler may call `restoreNow()`.
    /// - Throws: `.inappropriateIoctl` if it is no terminal; `.busy` while another `TerminalMode` lives.
    public static func raw(
        _ terminal: borrowing FileDescriptor, restoringOn signals: SignalSet = fatalSignals
    ) throws(Errno) -> TerminalMode {
        let terminal = try terminal.duplicate()
        let number = terminal.rawValue
        var saved = termios()
        try retryOnInterrupt { tcgetattr(number, &saved) }
        try retryOnInterrupt { vmm_terminal_arm(number, &saved) }
        let mode = TerminalMode(terminal: terminal)
        for signal in Int32(1)...64 where signals.contains(Signal(rawValue: signal)) {
            try retryOnInterrupt { vmm_terminal_restore_on(signal) }
        }
        var raw = saved
        cfmakeraw(&raw)
        // From a background process group this call would stop the process by SIGTTOU: meant, as for any program.
        try retryOnInterrupt { tcsetattr(number, TCSANOW, &raw) }
        return mode
    }

    private init(terminal: consuming FileDescriptor) { self.terminal = terminal }

    deinit {
        vmm_terminal_restore()
        vmm_terminal_disarm()
    }

    /// Puts the saved mode back, if one is saved. Async-signal-safe: C only, no allocation, no lock.
    public static func restoreNow() { vmm_terminal_restore() }
}
