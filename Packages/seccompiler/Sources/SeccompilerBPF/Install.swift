// SPDX-License-Identifier: Apache-2.0
internal import CSeccompilerBPF
public import VMMSysUtil

extension BPFProgram {
    /// Which threads a filter is put on.
    public enum Scope: Hashable, Sendable {
        /// The calling thread, and what it starts from now on.
        case thread
        /// All threads of the process. Fails if one has a filter that the calling thread has not.
        case allThreads
    }

    /// Puts the filter on, for ever: the thread (or process) cannot take it off, and gains no privileges by execve(2) any
    /// more (`no_new_privs`).
    ///
    /// Filters that are on already stay: all run at each call, and the most severe answer counts.
    ///
    /// - Parameters:
    ///   - scope: this thread, or all threads of the process.
    ///   - isLogging: writes each call that is not allowed to the audit log, if the kernel's `actions_logged` has the
    ///     action.
    public func install(on scope: Scope = .thread, isLogging: Bool = false) throws(InstallError) {
        var flags: UInt32 = isLogging ? Flag.log : 0
        if scope == .allThreads { flags |= Flag.allThreads }
        let answer = try install(flags: flags)
        // With TSYNC the answer is the thread that cannot follow, and nothing was installed.
        guard answer == 0 else { throw .threadDiverged(threadID: Int32(truncatingIfNeeded: answer)) }
    }

    /// Puts the filter on like ``install(on:isLogging:)``, and answers a descriptor through which a supervisor decides the
    /// calls with the action ``Action/notify`` (`seccomp_unotify(2)`).
    ///
    /// Only one filter of a thread can have one: otherwise it fails with `.busy`. With ``Scope/allThreads`` a thread that
    /// cannot follow is not named.
    public func installWithListener(
        on scope: Scope = .thread, isLogging: Bool = false
    ) throws(InstallError) -> FileDescriptor {
        var flags = Flag.listener | (isLogging ? Flag.log : 0)
        if scope == .allThreads { flags |= Flag.allThreads | Flag.divergedIsAnError }
        return FileDescriptor(owning: Int32(truncatingIfNeeded: try install(flags: flags)))
    }

    private func install(flags: UInt32) throws(InstallError) -> Int {
        guard cseccompiler_set_no_new_privs() == 0 else { throw .noNewPrivileges(.last) }
        // A valid program has at most 4096 instructions, so the 16-bit count holds it.
        let answer = instructions.map(\.rawValue.littleEndian).withUnsafeBufferPointer {
            cseccompiler_set_filter(flags, $0.baseAddress, UInt16(truncatingIfNeeded: $0.count))
        }
        guard answer >= 0 else {
            let error = Errno.last
            throw error == .noSuchProcess ? .threadsDiverged : .refused(error)
        }
        return answer
    }

    /// `SECCOMP_FILTER_FLAG_*` of `linux/seccomp.h`.
    private enum Flag {
        static let allThreads: UInt32 = 1
        static let log: UInt32 = 2
        static let listener: UInt32 = 8
        static let divergedIsAnError: UInt32 = 16
    }
}

extension Action {
    /// Whether the running kernel knows the action.
    public var isAvailable: Bool { cseccompiler_action_is_available(returnValue & 0xFFFF_0000) == 0 }
}

/// Why a filter is not on.
public enum InstallError: Error, Equatable, CustomStringConvertible {
    /// `no_new_privs` could not be set.
    case noNewPrivileges(Errno)
    /// The kernel refused the filter: `.invalidArgument` a bad program, `.noMemory` too many filters (32768 instructions of
    /// all together), `.busy` a second listener, `.permissionDenied` without `no_new_privs`.
    case refused(Errno)
    /// This thread has a filter that the calling thread has not.
    case threadDiverged(threadID: Int32)
    /// Some thread has; with a listener the kernel does not tell which.
    case threadsDiverged

    public var description: String {
        switch self {
        case .noNewPrivileges(let error): "cannot set no_new_privs: \(error)"
        case .refused(let error): "cannot install the seccomp filter: \(error)"
        case .threadDiverged(let id): "cannot install the seccomp filter: thread \(id) has another one"
        case .threadsDiverged: "cannot install the seccomp filter: a thread has another one"
        }
    }
}
