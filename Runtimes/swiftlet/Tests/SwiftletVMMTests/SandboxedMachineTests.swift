// SPDX-License-Identifier: Apache-2.0
import Glibc
import SeccompilerBPF
import SwiftletVMM
import Testing
import VMMSysUtil
import VirtioDevices

/// Machines whose threads are confined; each in a process of its own, since a filter stays.
@Suite(.serialized, .enabled(if: KVMPresence.isUsable, "needs a usable /dev/kvm"))
struct SandboxedMachineTests {
    /// A machine of four vCPUs with a drive, an entropy source and a command's streams, which says a word and turns itself off.
    private static func machine() throws -> Machine {
        let drive = try FileDescriptor.temporaryFile()
        try [UInt8](repeating: 0, count: 4096).withUnsafeBytes { try drive.writeAll(from: $0) }
        return try MicroGuest.machine(
            MicroGuest.say(0x41, count: 70_000) + MicroGuest.powerOff,
            console: ConsoleStreams(
                input: HostDescriptor(adopting: FileDescriptor.open("/dev/null", .readOnly), for: .input),
                output: HostDescriptor(adopting: FileDescriptor.open("/dev/null", .writeOnly), for: .output)),
            command: CommandStreams(
                input: HostDescriptor(adopting: FileDescriptor.open("/dev/null", .readOnly), for: .input),
                output: HostDescriptor(adopting: FileDescriptor.open("/dev/null", .writeOnly), for: .output),
                error: HostDescriptor(adopting: FileDescriptor.open("/dev/null", .writeOnly), for: .output))
        ) {
            $0.cpuCount = 4
            $0.drives = [DriveConfig(path: "/proc/self/fd/\(drive.rawValue)")]
        }
    }

    /// Filters that allow everything but one call to the vCPUs.
    private static func sandbox(refusing number: UInt32) throws -> Sandbox {
        let allow = Instruction(code: 0x06, operand: Action.allow.returnValue)
        let vcpu = try BPFProgram([
            Instruction(code: 0x20, operand: 0), Instruction(code: 0x15, ifTrue: 0, ifFalse: 1, operand: number),
            Instruction(code: 0x06, operand: Action.trap.returnValue), allow,
        ])
        let other = try BPFProgram([allow])
        return try Sandbox(file: ProgramFile(["vcpu": vcpu, "vmm": other, "api": other]).bytes)
    }

    @Test("a machine with every kind of device lives and ends behind its threads' filters")
    func lives() async {
        await #expect(processExitsWith: .success) {
            let cause = try Self.machine().run(in: .standard)
            exit(cause == .poweredOff ? 0 : 1)
        }
    }

    @Test("filters stay: the thread that ran a machine cannot run another, whose vCPUs it could not start")
    func filtersStay() async {
        // The C library starts threads with all signals blocked: then there is no line, and the kernel ends the process.
        await #expect(processExitsWith: .signal(SIGSYS)) {
            let second = try Self.machine()
            _ = try Self.machine().run(in: .standard)
            _ = second.run(in: .standard)
            exit(0)
        }
    }

    @Test("a vCPU that makes a call which its filter refuses ends the process with 148")
    func violation() async {
        await #expect(processExitsWith: .exitCode(148)) {
            _ = try Self.machine().run(in: try Self.sandbox(refusing: 16))
            exit(0)
        }
    }
}
