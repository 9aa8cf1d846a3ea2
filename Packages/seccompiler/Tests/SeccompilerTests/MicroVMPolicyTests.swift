// SPDX-License-Identifier: Apache-2.0
import Seccompiler
import SeccompilerTestSupport
import Testing

/// Filters of the size and shape that a microVM monitor uses, written from what such a program calls.
@Suite(.enabled(if: Architecture.native == .x86_64, "its calls are x86_64's"))
struct MicroVMPolicyTests {
    static let names = [
        "accept4", "brk", "clock_gettime", "close", "dup", "epoll_ctl", "epoll_pwait", "epoll_wait", "exit",
        "exit_group",
        "fallocate", "fstat", "fsync", "ftruncate", "futex", "getrandom", "gettid", "io_uring_enter", "lseek",
        "mincore",
        "mmap", "mremap", "munmap", "nanosleep", "newfstatat", "open", "openat", "pread64", "preadv", "pwrite64",
        "pwritev",
        "read", "readv", "recvfrom", "recvmsg", "restart_syscall", "rt_sigaction", "rt_sigprocmask", "rt_sigreturn",
        "sched_yield", "sendmsg", "set_robust_list", "sigaltstack", "stat", "tgkill", "timerfd_settime", "tkill",
        "write",
        "writev",
    ]
    static let requests = [
        "KVM_RUN", "KVM_GET_REGS", "KVM_SET_REGS", "KVM_GET_SREGS", "KVM_SET_SREGS", "KVM_GET_MSRS", "KVM_SET_MSRS",
        "KVM_GET_CPUID2", "KVM_GET_MP_STATE", "KVM_SET_MP_STATE", "KVM_GET_VCPU_EVENTS", "KVM_SET_VCPU_EVENTS",
        "KVM_GET_LAPIC", "KVM_SET_LAPIC", "KVM_GET_XSAVE", "KVM_GET_XCRS", "KVM_GET_DEBUGREGS", "KVM_KVMCLOCK_CTRL",
    ]

    static func json() -> String {
        func rule(_ name: String, _ conditions: String...) -> String {
            let args = conditions.isEmpty ? "" : ", \"args\": [\(conditions.joined(separator: ", "))]"
            return "{\"syscall\": \"\(name)\"\(args)}"
        }
        func equal(_ index: Int, _ value: String) -> String {
            "{\"index\": \(index), \"type\": \"dword\", \"op\": \"eq\", \"val\": \"\(value)\"}"
        }
        var rules = names.map { rule($0) }
        rules += requests.map { rule("ioctl", equal(1, $0)) }
        rules += [rule("madvise", equal(2, "MADV_DONTNEED")), rule("fcntl", equal(1, "F_GETFD"))]
        rules += [rule("fcntl", equal(1, "F_SETFD"), equal(2, "FD_CLOEXEC")), rule("fcntl", equal(1, "F_SETFL"))]
        rules += [rule("socket", equal(0, "AF_UNIX"), equal(1, "SOCK_STREAM|SOCK_CLOEXEC"), equal(2, "0x0"))]
        return """
            {"vcpu": {"default_action": "trap", "filter_action": "allow", "filter": [\(rules.joined(separator: ",\n"))]}}
            """
    }

    private func calls() -> [SystemCall] {
        var calls: [SystemCall] = []
        for number in 0..<UInt32(512) where KernelProbe.isAsked(about: number) {
            for arguments in [[], [3, 0xAE80, 4], [1, 0x80801, 0], [1, 2, 1], [.max, .max, .max, .max, .max, .max]]
                as [[UInt64]]
            {
                calls.append(SystemCall(number, arguments, on: .x86_64))
            }
        }
        return calls
    }

    @Test("policy, program and kernel agree on every number, with either back end and with a histogram")
    func everyNumber() throws {
        let filter = try #require(Policy(json: Self.json(), architecture: .x86_64)["vcpu"])
        let calls = calls()
        let expected = calls.map { filter.verdict(on: $0).action }
        #expect(expected.contains(.allow) && expected.contains(.trap))
        for compiled in [
            try filter.compile(), try filter.compile(backEnd: .own),
            try filter.compile(histogram: [16: 1000, 0: 10, 1: 10]),
        ] {
            #expect(compiled.program.instructions.count < 250)
            #expect(calls.map { compiled.program.run(on: $0).action } == expected)
            #expect(try KernelProbe.actions(for: calls, under: compiled.program) == expected)
        }
    }

    @Test("the own back end's programs are not longer than libseccomp's")
    func length() throws {
        let filter = try #require(Policy(json: Self.json(), architecture: .x86_64)["vcpu"])
        let own = try filter.compile(backEnd: .own).program.instructions.count
        let library = try filter.compile(backEnd: .libseccomp).program.instructions.count
        #expect(own <= library, "\(own) instructions against \(library)")
    }

    @Test("it has no findings, and everything a program outside wants is trapped")
    func closed() throws {
        let filter = try #require(Policy(json: Self.json(), architecture: .x86_64)["vcpu"])
        #expect(filter.findings == [])
        for name in ["execve", "ptrace", "process_vm_writev", "clone", "mount", "bpf", "io_uring_setup", "connect"] {
            let number = try #require(Architecture.x86_64.syscallNumber(name))
            #expect(filter.verdict(on: SystemCall(number, on: .x86_64)).action == .trap, "\(name)")
        }
    }
}
