// SPDX-License-Identifier: Apache-2.0
import Glibc
import NestSandbox
import Seccompiler
import SeccompilerTestSupport
import Testing
import VMMSysUtil

/// Real filters on a child process.
@Suite(.serialized) struct ConfinementTests {
    /// Runs `body` in a child that is confined as the shim is, and gives its status and what a violation told.
    private func confined(_ body: @escaping @Sendable () -> Int32) throws -> (status: Int32?, line: String) {
        let pipe = try Pipe()
        let report = pipe.writeEnd.rawValue
        let status = KernelProbe.inChild {
            do throws(ConfinementError) { try Confinement.confine(.shim, as: "shim c1", reportingTo: report) } catch {
                return 99
            }
            return body()
        }
        var buffer = [UInt8](repeating: 0, count: 4096)
        try pipe.readEnd.setNonBlocking()
        let count = (try? buffer.withUnsafeMutableBytes { try pipe.readEnd.read(into: $0) }) ?? 0
        return (status, String(decoding: buffer[..<count], as: UTF8.self))
    }

    /// Runs `body` on a thread to its end.
    private static func onThread(_ name: String, _ body: @escaping @Sendable () -> Void) -> Bool {
        do throws(Errno) {
            try Thread(name: name, body).join()
            return true
        } catch { return false }
    }

    @Test("a violation ends the process with 148 after a line that names thread, call and arguments")
    func line() throws {
        let answer = try confined {
            Self.onThread("calls") { _ = socket(AF_INET, 2, 17) } ? 0 : 1
        }
        #expect(answer.status == 148)
        #expect(
            answer.line.hasPrefix(
                "shim c1: seccomp: thread calls may not make system call 41 socket(0x2, 0x2, 0x11, "))
        #expect(answer.line.hasSuffix(")\n"))
    }

    @Test("confined threads start threads, with memory, locks and ends, and no processes")
    func threads() throws {
        let answer = try confined {
            for _ in 0..<3 {
                let isDone = Self.onThread("more") {
                    var kept = (0..<200).map { _ in [UInt8](repeating: 1, count: 60_000) }
                    kept.removeSubrange(1...)
                    usleep(1000)
                }
                guard isDone else { return 1 }
            }
            return 0
        }
        #expect(answer.status == 0 && answer.line.isEmpty)
        let fork = try confined { Glibc.fork() }
        #expect(fork.status == 148 && fork.line.contains(" clone(0x"))
    }

    @Test("a narrowed thread carries bytes and can no longer open files; the others still can")
    func narrowed() throws {
        let carries = try confined {
            guard let pipe = try? Pipe() else { return 1 }
            let (source, sink) = (pipe.readEnd.rawValue, pipe.writeEnd.rawValue)
            let isDone = Self.onThread("output") {
                Confinement.narrow(.shimGuest)
                var byte: UInt8 = 7
                write(sink, &byte, 1)
                read(source, &byte, 1)
            }
            return isDone && open("/dev/null", O_RDWR | O_CLOEXEC) >= 0 ? 0 : 2
        }
        #expect(carries.status == 0 && carries.line.isEmpty)
        let opens = try confined {
            Self.onThread("output") {
                Confinement.narrow(.shimGuest)
                _ = open("/dev/null", O_RDWR | O_CLOEXEC)
            } ? 0 : 1
        }
        #expect(opens.status == 148)
        #expect(opens.line.hasPrefix("shim c1: seccomp: thread output may not make system call 257 openat("))
    }

    @Test("a thread that cannot be narrowed ends the process with a line that says why")
    func notNarrowed() throws {
        let answer = try confined {
            Self.onThread("output") {
                // The kernel takes 32768 instructions for a thread: of these all are in use.
                let load = Instruction(code: 0, operand: 0)
                let allow = Instruction(code: 0x06, operand: Action.allow.returnValue)
                for length in [4090, 400, 40, 4] {
                    guard let program = try? BPFProgram(Array(repeating: load, count: length) + [allow]) else { return }
                    while (try? program.install()) != nil {}
                }
                Confinement.narrow(.shimGuest)
            } ? 0 : 1
        }
        #expect(answer.status == 148)
        #expect(answer.line.hasPrefix("shim c1: seccomp: thread output has no filter: shim_guest: cannot install"))
    }

    @Test("the launcher's threads have no filter, nor do programs that they start")
    func launcher() throws {
        let answer = try confined {
            let status = try? Launcher.shared.run("program") { () -> Int32 in
                var pid: pid_t = 0
                let text = ["/bin/sh", "-c", "grep -q '^Seccomp:.0' /proc/self/status"]
                let words = text.map { (word: String) in strdup(word) } + [nil]
                guard posix_spawn(&pid, "/bin/sh", nil, nil, words, environ) == 0 else { return -1 }
                var status: Int32 = -1
                waitpid(pid, &status, 0)
                return status
            }
            return status == 0 ? 0 : 1
        }
        #expect(answer.status == 0 && answer.line.isEmpty)
    }

    @Test("a process that is not confined starts programs from the thread that asks")
    func unconfined() throws {
        #expect(KernelProbe.inChild { (try? Launcher.shared.run("program") { Int32(5) }) ?? 1 } == 5)
        #expect(!Confinement.isOn)
    }
}
