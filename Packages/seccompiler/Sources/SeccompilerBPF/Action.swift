// SPDX-License-Identifier: Apache-2.0

/// What the kernel does with a system call, as a filter answers it (`seccomp(2)`, "SECCOMP_RET_*").
public enum Action: Hashable, Sendable {
    /// The call is made.
    case allow
    /// The call is made, and written to the audit log.
    case log
    /// The call is not made and fails with this error number. The kernel cuts numbers above ``errnoMax``.
    case errno(UInt16)
    /// The call is not made; the thread gets `SIGSYS` and may handle it.
    case trap
    /// A tracer decides and sees this number; without a tracer the call fails with `ENOSYS`.
    case trace(UInt16)
    /// The call is not made; a process that holds the filter's listener decides. Without a listener it fails with `ENOSYS`.
    case notify
    /// The thread ends as if by `SIGSYS`.
    case killThread
    /// The process ends as if by `SIGSYS`.
    case killProcess

    /// The largest error number that the kernel passes on unchanged (`MAX_ERRNO`).
    public static let errnoMax: UInt16 = 4095

    /// The 32 bits that a filter returns for it: action in the upper half, data in the lower.
    public var returnValue: UInt32 {
        switch self {
        case .killProcess: 0x8000_0000
        case .killThread: 0
        case .trap: 0x0003_0000
        case .errno(let number): 0x0005_0000 | UInt32(number)
        case .notify: 0x7FC0_0000
        case .trace(let data): 0x7FF0_0000 | UInt32(data)
        case .log: 0x7FFC_0000
        case .allow: 0x7FFF_0000
        }
    }

    /// What the kernel makes of a filter's answer: unknown actions end the process, and error numbers above
    /// ``errnoMax`` are cut to it (`__seccomp_filter` in `kernel/seccomp.c`).
    public init(returnValue: UInt32) {
        let data = UInt16(truncatingIfNeeded: returnValue)
        switch returnValue & 0xFFFF_0000 {
        case 0: self = .killThread
        case 0x0003_0000: self = .trap
        case 0x0005_0000: self = .errno(min(data, Self.errnoMax))
        case 0x7FC0_0000: self = .notify
        case 0x7FF0_0000: self = .trace(data)
        case 0x7FFC_0000: self = .log
        case 0x7FFF_0000: self = .allow
        default: self = .killProcess
        }
    }
}

extension Action: CustomStringConvertible {
    /// As policies spell it, with the number in brackets: `allow`, `errno(1)`, `kill_process`.
    public var description: String {
        switch self {
        case .allow: "allow"
        case .log: "log"
        case .errno(let number): "errno(\(number))"
        case .trap: "trap"
        case .trace(let data): "trace(\(data))"
        case .notify: "user_notif"
        case .killThread: "kill_thread"
        case .killProcess: "kill_process"
        }
    }
}
