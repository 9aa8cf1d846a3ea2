// SPDX-License-Identifier: Apache-2.0

/// The instruction set whose system calls a filter judges. Any of them can be compiled for on any other.
public enum Architecture: String, CaseIterable, Hashable, Sendable {
    /// 64-bit x86, without the x32 calls (see ``SystemCall/isX32``).
    case x86_64
    /// 64-bit ARM, little-endian.
    case aarch64
    /// 64-bit RISC-V.
    case riscv64

    /// The one this code was compiled for, or nil if it is none of the three.
    public static var native: Architecture? {
        #if arch(x86_64)
            return .x86_64
        #elseif arch(arm64)
            return .aarch64
        #elseif arch(riscv64)
            return .riscv64
        #else
            return nil
        #endif
    }

    /// The kernel's name for it in `seccomp_data.arch` (`AUDIT_ARCH_*` of `linux/audit.h`): ELF machine number,
    /// 64-bit flag, little-endian flag.
    public var auditValue: UInt32 {
        switch self {
        case .x86_64: 0xC000_003E
        case .aarch64: 0xC000_00B7
        case .riscv64: 0xC000_00F3
        }
    }
}
