// SPDX-License-Identifier: Apache-2.0
internal import CSeccomp
internal import Glibc

extension Architecture {
    /// The number of the system call of this name, or nil if the architecture has none.
    public func syscallNumber(_ name: String) -> UInt32? {
        guard !name.utf8.contains(0) else { return nil }
        // Negative answers are libseccomp's pseudo numbers, for calls that other architectures have.
        if let number = UInt32(exactly: seccomp_syscall_resolve_name_arch(auditValue, name)) { return number }
        return Self.recentSyscalls.first { $0.name == name }?.number
            ?? (self == .x86_64 && name == "uretprobe" ? 335 : nil)
    }

    /// The name of the system call with this number, or nil if there is none.
    public func syscallName(_ number: UInt32) -> String? {
        if let signed = Int32(exactly: number), let name = seccomp_syscall_resolve_num_arch(auditValue, signed) {
            defer { free(name) }
            return String(cString: name)
        }
        return Self.recentSyscalls.first { $0.number == number }?.name
            ?? (self == .x86_64 && number == 335 ? "uretprobe" : nil)
    }

    /// What libseccomp 2.5.4, which knows Linux 5.17, lacks up to Linux 6.13. Numbers are the same on all three
    /// architectures since 5.1 (`include/uapi/asm-generic/unistd.h`, `arch/x86/entry/syscalls/syscall_64.tbl`).
    private static let recentSyscalls: [(name: String, number: UInt32)] = [
        ("cachestat", 451), ("fchmodat2", 452), ("map_shadow_stack", 453), ("futex_wake", 454), ("futex_wait", 455),
        ("futex_requeue", 456), ("statmount", 457), ("listmount", 458), ("lsm_get_self_attr", 459),
        ("lsm_set_self_attr", 460), ("lsm_list_modules", 461), ("mseal", 462), ("setxattrat", 463),
        ("getxattrat", 464), ("listxattrat", 465), ("removexattrat", 466),
    ]
}
