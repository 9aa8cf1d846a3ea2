// SPDX-License-Identifier: Apache-2.0
import Glibc
import Seccompiler
import SeccompilerTestSupport
import SwiftletVMM
import Testing
import VMMSysUtil

/// Real filters on a child process.
@Suite(.serialized) struct ViolationTests {
    /// Runs `body` confined in a child, and gives its status and what it said on standard error.
    private func confined(
        _ thread: SandboxThread, as name: String, adding pieces: [FilterPiece] = [],
        _ body: @escaping @Sendable () -> Void
    ) throws -> (status: Int32?, errors: String) {
        let pipe = try Pipe()
        let errors = pipe.writeEnd.rawValue
        let status = KernelProbe.inChild {
            dup2(errors, 2)
            do throws(SandboxError) { try Sandbox.standard.confine(thread, as: name, adding: pieces) } catch {
                return 99
            }
            body()
            return 0
        }
        var buffer = [UInt8](repeating: 0, count: 4096)
        try pipe.readEnd.setNonBlocking()
        let count = (try? buffer.withUnsafeMutableBytes { try pipe.readEnd.read(into: $0) }) ?? 0
        return (status, String(decoding: buffer[..<count], as: UTF8.self))
    }

    @Test("a violation ends the process with 148 after a line that names thread, call and arguments")
    func line() throws {
        let answer = try confined(.vcpu, as: "vcpu7") { _ = socket(AF_INET, 2, 17) }
        #expect(answer.status == 148)
        #expect(
            answer.errors.hasPrefix(
                "swiftlet: seccomp: thread vcpu7 may not make system call 41 socket(0x2, 0x2, 0x11, "))
        #expect(answer.errors.hasSuffix(")\n"))
        #expect(answer.errors.split(separator: "\n").count == 1)
    }

    @Test("the line comes whatever call it is, the last one that has a name and one beyond too")
    func everyNumber() throws {
        for number in [135, 466, 471, 4095] as [Int] {
            let answer = try confined(.api, as: "api") { _ = raw(number, 0x1_0000_0001) }
            let name = Architecture.x86_64.syscallName(UInt32(number)) ?? ""
            #expect(answer.status == 148)
            #expect(answer.errors.contains(" system call \(number) \(name)(0x100000001, "))
        }
    }

    @Test("memory, locks, time and threads' ends work in every thread", arguments: SandboxThread.allCases)
    func runtime(thread: SandboxThread) throws {
        let answer = try confined(thread, as: thread.rawValue) {
            var kept: [[UInt8]] = []
            for size in stride(from: 16, through: 1 << 22, by: 99_991) {
                kept.append([UInt8](repeating: 1, count: size))
            }
            while kept.count > 1 { kept[0] += kept.removeLast() }
            // A heap of its own shrinks, and the C library asks /proc how.
            for _ in 0..<2 { kept += (0..<100).map { _ in [UInt8](repeating: 1, count: 60_000) } }
            kept.removeSubrange(1...)
            guard open("/proc/sys/vm/overcommit_memory", O_RDONLY | O_CLOEXEC) == -1, errno == EACCES else { abort() }
            var time = timespec()
            _ = raw(228, 1)
            clock_gettime(CLOCK_MONOTONIC, &time)
            usleep(1000)
            let text = "\(kept[0].count) \(Double(time.tv_nsec) / 3) \(Errno(rawValue: 2))"
            guard !text.isEmpty else { abort() }
        }
        #expect(answer.status == 0 && answer.errors.isEmpty)
    }

    @Test("a device adds its calls to the device thread, and to no other machine's")
    func devices() throws {
        let sync: @Sendable () -> Void = { _ = fdatasync(-1) }
        #expect(try confined(.vmm, as: "vmm", adding: [.drives], sync).status == 0)
        let without = try confined(.vmm, as: "vmm", adding: [.vsock], sync)
        #expect(without.status == 148)
        #expect(without.errors.contains("thread vmm may not make system call 75 fdatasync(0xffffffff"))
    }

    @Test("a raw terminal is set back at the end, and by a violation in any thread", arguments: SandboxThread.allCases)
    func terminal(thread: SandboxThread) throws {
        let master = try FileDescriptor.open("/dev/ptmx", .readWrite)
        var locked: Int32 = 0
        #expect(ioctl(master.rawValue, UInt(try constant("TIOCSPTLCK")), &locked) == 0)
        for isViolation in [false, true] {
            let number = ioctl(master.rawValue, UInt(try constant("TIOCGPTPEER")), O_RDWR | O_NOCTTY)
            let status = KernelProbe.inChild {
                let terminal = FileDescriptor(owning: number)
                guard let mode = try? TerminalMode.raw(terminal), Self.isRaw(number), dup2(number, 2) == 2,
                    (try? Sandbox.standard.confine(thread, as: thread.rawValue)) != nil
                else { return 99 }
                if isViolation { _ = raw(157, 38) }
                _ = consume mode
                return 0
            }
            #expect(status == (isViolation ? 148 : 0))
            #expect(!Self.isRaw(number))
            close(number)
        }
    }

    private static func isRaw(_ terminal: Int32) -> Bool {
        var settings = termios()
        tcgetattr(terminal, &settings)
        return settings.c_lflag & tcflag_t(ICANON) == 0
    }

    @Test("no privileges come back, and no thread or program starts")
    func noNewPrivileges() throws {
        #expect(try confined(.vmm, as: "vmm") { _ = raw(56, 0) }.errors.contains(" 56 clone("))
        #expect(try confined(.vmm, as: "vmm") { _ = raw(59, 0) }.errors.contains(" 59 execve("))
        #expect(try confined(.vmm, as: "vmm") { _ = raw(157, 38) }.errors.contains(" 157 prctl(0x26"))
    }
}

/// `syscall(2)`, which Swift does not import: it takes any number of arguments.
private func raw(_ number: Int, _ argument: UInt64) -> Int {
    typealias Call = @convention(c) (Int, UInt64) -> Int
    guard let symbol = dlsym(nil, "syscall") else { return -1 }
    return unsafeBitCast(symbol, to: Call.self)(number, argument)
}
