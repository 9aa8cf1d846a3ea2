// SPDX-License-Identifier: Apache-2.0
import Glibc
import NestSandbox
import Seccompiler
import SeccompilerTestSupport
import Testing

/// Holds every thread's filter to `Policy/verdicts.txt`, which is there to be read; UPDATE_VERDICTS=1 writes it anew.
@Suite struct VerdictTests {
    private static let header = """
        What each thread of shim and agent may ask of the kernel; all else is refused, the process ends with status 148.
        Written by its test, which holds the filters to it: UPDATE_VERDICTS=1.

          shim   the shim's: serves containerd's calls, publishes events, waits for processes
          data   the shim's: carries what the machine sends, the agent's answers, streams, logs, the console
          agent  all of the agent's

        A thread "data" is behind the filter "shim" as well. The threads that start programs have no filter: launcher, vmm,
        image-build, scratch-disk and logger of the shim, launcher and crun of the agent.

        Calls by number: "yes" with any arguments, "some" with some, "-" with none. What is not listed has "-" everywhere.
        "fails" further below: the call is not made and returns an error, and the process goes on.


        """

    private static func column(_ thread: ConfinedThread) -> String {
        switch thread {
        case .shim: "shim"
        case .shimGuest: "data"
        case .agent: "agent"
        }
    }

    private static func shapes() throws -> [SystemCallShape] {
        let nobody: UInt64 = 0xFFFF_FFFF
        return try SystemCallShape.all() + [
            SystemCallShape("clone of a thread", "clone", [0x3D0F00]),
            SystemCallShape("clone of a thread in a new user namespace", "clone", [0x103D_0F00]),
            SystemCallShape("clone of a process", "clone", [17]),
            SystemCallShape("kill SIGKILL", "kill", [nobody, 9]),
            SystemCallShape("kill SIGSTOP", "kill", [nobody, 19]),
            SystemCallShape("ioctl FICLONE", "ioctl", [nobody, 0x4004_9409]),
            SystemCallShape("umount2 MNT_DETACH", "umount2", [0, 2]),
            SystemCallShape("seccomp, a filter", "seccomp", [1, 0]),
            SystemCallShape("seccomp, a filter with a listener", "seccomp", [1, 8]),
            SystemCallShape("reboot, power off", "reboot", [0xFEE1_DEAD, 0x2812_1969, 0x4321_FEDC]),
            SystemCallShape("reboot, kexec", "reboot", [0xFEE1_DEAD, 0x2812_1969, 0x4558_4543]),
            SystemCallShape("sched_setscheduler SCHED_BATCH", "sched_setscheduler", [0, 3]),
            SystemCallShape("sched_setscheduler SCHED_FIFO", "sched_setscheduler", [0, 1]),
            SystemCallShape("prctl PR_SET_NAME", "prctl", [15]),
            SystemCallShape("prctl PR_SET_DUMPABLE", "prctl", [4]),
        ]
    }

    @Test("each thread may do what the table says, of all system calls")
    func table() throws {
        let threads = try ConfinedThread.allCases.map { (name: Self.column($0), program: try $0.program) }
        let text = VerdictTable(
            header: Self.header, threads: threads, policies: Array(try policies.filters().values),
            shapes: try Self.shapes()
        ).text
        if getenv("UPDATE_VERDICTS") != nil {
            try policies.write(text, to: "verdicts.txt")
        }
        let committed = try policies.text("verdicts.txt")
        let lines = committed.split(separator: "\n")
        let computed = text.split(separator: "\n")
        #expect(Set(computed).subtracting(lines).sorted() == [], "what the filters do that the table does not say")
        #expect(Set(lines).subtracting(computed).sorted() == [], "what the table says that the filters do not do")
        #expect(text == committed)
    }

    @Test("the kernel gives the table's verdicts, on every number and every shape", arguments: ConfinedThread.allCases)
    func kernel(thread: ConfinedThread) throws {
        let program = try thread.program
        let numbers = (UInt32(0)..<512).filter(KernelProbe.isAsked)
        let calls =
            numbers.map { SystemCall($0, on: .x86_64) }
            + numbers.map { SystemCall($0, Array(repeating: .max, count: 6), on: .x86_64) }
            + (try Self.shapes().map(\.call).filter { KernelProbe.isAsked(about: $0.number) })
        let answers = try KernelProbe.actions(for: calls, under: program)
        for (call, answer) in zip(calls, answers) { #expect(answer == program.run(on: call).action, "\(call)") }
    }

    @Test("numbers of x32 and calls of 32-bit programs end the process at once", arguments: ConfinedThread.allCases)
    func foreign(thread: ConfinedThread) throws {
        let program = try thread.program
        for number in UInt32(0)..<512 {
            #expect(program.run(on: SystemCall(number | 0x4000_0000, on: .x86_64)).action == .killProcess)
            #expect(program.run(on: SystemCall(number, auditValue: 0x4000_0003)).action == .killProcess)
        }
    }
}
