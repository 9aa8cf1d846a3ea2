// SPDX-License-Identifier: Apache-2.0
public import Seccompiler

/// A system call with arguments that matter, such as what an attacker would try first.
public struct SystemCallShape: Sendable {
    /// As the table of verdicts shows it.
    public let text: String
    /// The call.
    public let call: SystemCall

    /// A call by name, of x86_64.
    public init(_ text: String, _ name: String, _ arguments: [UInt64]) throws(UnknownName) {
        guard let number = Architecture.x86_64.syscallNumber(name) else { throw UnknownName(name: name) }
        self.text = text
        call = SystemCall(number, arguments, on: .x86_64)
    }

    /// A name that x86_64 does not have.
    public struct UnknownName: Error, Equatable {
        /// The name.
        public let name: String
    }

    /// Some hundred calls that every confined thread is asked about.
    public static func all() throws(UnknownName) -> [SystemCallShape] {
        let nobody: UInt64 = 0xFFFF_FFFF  // no descriptor, no process
        var shapes: [SystemCallShape] = []
        func add(_ text: String, _ name: String, _ arguments: [UInt64]) throws(UnknownName) {
            shapes.append(try SystemCallShape(text, name, arguments))
        }
        for (flags, name) in [(2, "PRIVATE"), (1, "SHARED")] as [(UInt64, String)] {
            try add("mmap of a file, MAP_\(name)", "mmap", [0, 4096, 3, flags, nobody])
            try add("mmap of nothing, MAP_\(name)", "mmap", [0, 0, 3, flags | 0x20, nobody])
            try add("mmap of nothing, PROT_EXEC, MAP_\(name)", "mmap", [0, 0, 5, flags | 0x20, nobody])
        }
        try add("mprotect PROT_READ|PROT_WRITE", "mprotect", [0, 0, 3])
        try add("mprotect PROT_READ|PROT_EXEC", "mprotect", [0, 0, 5])
        try add("mprotect PROT_READ|PROT_WRITE|PROT_EXEC", "mprotect", [0, 0, 7])
        try add("pkey_mprotect PROT_EXEC", "pkey_mprotect", [0, 0, 5, nobody])
        try add("mremap MREMAP_MAYMOVE", "mremap", [1, 0, 0, 1])
        try add("mremap MREMAP_FIXED", "mremap", [1, 0, 0, 3])
        for (advice, name) in [(4, "DONTNEED"), (9, "REMOVE"), (12, "MERGEABLE")] as [(UInt64, String)] {
            try add("madvise MADV_\(name)", "madvise", [1, 0, advice])
        }
        for name in [
            "KVM_RUN", "KVM_CREATE_VM", "KVM_SET_USER_MEMORY_REGION", "KVM_SET_MSRS", "KVM_IRQFD", "TIOCSTI", "TCSETS",
            "TCGETS", "TIOCLINUX", "TUNSETIFF", "FIONBIO", "VFIO_IOMMU_MAP_DMA", "SECCOMP_IOCTL_NOTIF_ADDFD",
        ] {
            try add("ioctl \(name)", "ioctl", [nobody, try constant(name)])
        }
        try add("ioctl KVM_RUN with rubbish above 32 bits", "ioctl", [nobody, 1 << 32 | (try constant("KVM_RUN"))])
        for name in ["AF_UNIX", "AF_INET", "AF_INET6", "AF_NETLINK", "AF_PACKET", "AF_VSOCK", "AF_ALG"] {
            try add("socket \(name), SOCK_STREAM", "socket", [try constant(name), 0x80801])
        }
        try add("socket AF_UNIX, SOCK_DGRAM", "socket", [1, 0x80802])
        try add("sendto an address", "sendto", [nobody, 0, 0, 0, 1])
        try add("sendto nobody by address", "sendto", [nobody, 0, 0, 0, 0])
        try add("openat to read", "openat", [nobody, 0, 0])
        try add("openat to read, O_CLOEXEC", "openat", [nobody, 0, 0x80000])
        try add("openat to write", "openat", [nobody, 0, 2])
        for name in ["O_CREAT", "O_TRUNC", "O_DIRECTORY", "O_PATH"] {
            try add("openat \(name)", "openat", [nobody, 0, try constant(name)])
        }
        for command in ["F_GETFL", "F_SETFL", "F_DUPFD_CLOEXEC", "F_SETLK", "F_SETPIPE_SZ"] {
            try add("fcntl \(command)", "fcntl", [nobody, try constant(command)])
        }
        for (flags, name) in [(0, "none"), (1, "GETEVENTS"), (2, "SQ_WAKEUP"), (16, "REGISTERED_RING")]
            as [(UInt64, String)]
        {
            try add("io_uring_enter, flags \(name)", "io_uring_enter", [nobody, 0, 0, flags, 0, 0])
        }
        try add("io_uring_enter with a set of signals", "io_uring_enter", [nobody, 0, 0, 1, 1, 8])
        for (signal, name) in [(23, "SIGURG"), (9, "SIGKILL"), (31, "SIGSYS")] as [(UInt64, String)] {
            try add("tgkill \(name)", "tgkill", [nobody, nobody, signal])
            try add("rt_sigaction \(name)", "rt_sigaction", [signal, 0, 0, 0])
        }
        for (operation, name) in [
            (0x80, "WAIT_PRIVATE"), (0x81, "WAKE_PRIVATE"), (0x189, "WAIT_BITSET_PRIVATE|CLOCK_REALTIME"),
            (0x86, "LOCK_PI_PRIVATE"), (3, "REQUEUE"), (4, "CMP_REQUEUE"), (5, "WAKE_OP"), (11, "WAIT_REQUEUE_PI"),
            (12, "CMP_REQUEUE_PI"),
        ] as [(UInt64, String)] {
            try add("futex FUTEX_\(name)", "futex", [0, operation])
        }
        // Nothing of these, whatever the arguments. The first are such that they would fail.
        for name in [
            "clone", "clone3", "fork", "vfork", "execve", "execveat", "ptrace", "process_vm_readv", "process_vm_writev",
            "process_madvise", "pidfd_open", "pidfd_getfd", "kill", "tkill", "io_uring_setup", "io_uring_register",
            "bpf", "perf_event_open",
            "userfaultfd", "memfd_create", "memfd_secret", "open", "openat2", "creat", "open_by_handle_at", "mount",
            "umount2", "pivot_root", "chroot", "unshare", "setns", "setuid", "setresuid", "capset", "prctl", "seccomp",
            "keyctl", "add_key", "init_module", "finit_module", "kexec_load", "reboot", "personality", "modify_ldt",
            "arch_prctl", "shmat", "mknodat", "linkat", "symlinkat", "renameat2", "fchmodat", "fchownat", "bind",
            "listen", "socketpair", "setsockopt", "name_to_handle_at", "vmsplice", "splice", "setrlimit", "prlimit64",
            "sched_setattr", "migrate_pages", "move_pages", "nfsservctl",
        ] {
            try add("\(name), any", name, [nobody, nobody, nobody, nobody, nobody, nobody])
        }
        return shapes
    }
}

private func constant(_ name: String) throws(SystemCallShape.UnknownName) -> UInt64 {
    guard let value = Architecture.x86_64.constant(name) else { throw SystemCallShape.UnknownName(name: name) }
    return value
}
