// SPDX-License-Identifier: Apache-2.0
import Glibc
import SwiftletVMM
import Synchronization
import Testing
import VMMSysUtil
import VirtioDevices

/// Guests of a few instructions, in 32-bit protected mode as PVH enters them, on the machine's own KVM.
@Suite(.serialized, .enabled(if: KVMPresence.isUsable, "needs a usable /dev/kvm"))
struct MachineTests {
    private let halt = MicroGuest.halt
    private let powerOff = MicroGuest.powerOff

    private func out(_ value: UInt8, _ port: UInt16) -> [UInt8] { MicroGuest.out(value, port) }
    private func store(_ value: UInt32, _ address: UInt32) -> [UInt8] { MicroGuest.store(value, address) }
    private func bytes(_ value: UInt32) -> [UInt8] { MicroGuest.bytes(value) }

    /// Boots the code and runs it to its end.
    private func run(
        _ code: [UInt8], cpus: Int = 1, configure: (inout MachineConfig) -> Void = { _ in }
    ) throws -> (cause: StopCause, output: String) {
        let pipe = try Pipe()
        let output = try HostDescriptor(adopting: pipe.writeEnd, for: .output)
        let readEnd = pipe.readEnd
        let machine = try MicroGuest.machine(code, console: ConsoleStreams(input: nil, output: output)) { config in
            config.cpuCount = cpus
            configure(&config)
        }
        let cause = machine.run()
        var buffer = [UInt8](repeating: 0, count: 4096)
        try readEnd.setNonBlocking()
        let count = (try? buffer.withUnsafeMutableBytes { try readEnd.read(into: $0) }) ?? 0
        return (cause, String(decoding: buffer[..<count], as: UTF8.self))
    }

    @Test("what a guest writes to the serial port comes out, and S5 ends the machine")
    func serialAndPowerOff() throws {
        let (cause, output) = try run(out(0x48, 0x3F8) + out(0x69, 0x3F8) + powerOff)
        #expect(cause == .poweredOff)
        #expect(output == "Hi")
    }

    @Test("the reset register restarts, with its value only")
    func resetRegister() throws {
        #expect(try run(out(0x00, 0x602) + out(0x52, 0x602)).cause == .rebooted)
        #expect(try run(out(0x01, 0x602) + powerOff).cause == .poweredOff)
    }

    @Test("the keyboard controller's reset command restarts")
    func keyboardReset() throws {
        #expect(try run(out(0xFE, 0x64)).cause == .rebooted)
    }

    @Test("a restart after the warm mark in low memory is a panic")
    func warmMarkIsPanic() throws {
        #expect(try run(store(0x1234, 0x472) + out(0x52, 0x602)).cause == .panicked)
    }

    @Test("another sleep type does not end the machine")
    func otherSleepType() throws {
        #expect(try run(out(3 << 2 | 0x20, 0x600) + out(0x52, 0x602)).cause == .rebooted)
    }

    @Test("a fault without a table of handlers is a triple fault")
    func tripleFault() throws {
        // xor %eax, %eax; mov %ax, %ds; mov (%eax), %eax; int $3 (an emulated processor may not check segments)
        #expect(try run([0x31, 0xC0, 0x8E, 0xD8, 0x8B, 0x00, 0xCC]).cause == .tripleFaulted)
    }

    @Test("a port and an address that nobody has read as all ones and swallow writes")
    func emptyBus() throws {
        // mov $0x1234, %dx; in %dx, %al; inc %al; jz +3 (skip hlt loop); then the same for memory at 0xD0000000
        let port: [UInt8] = [0x66, 0xBA, 0x34, 0x12, 0xEC, 0xFE, 0xC0, 0x74, 0x03] + halt
        let memory: [UInt8] = [0xA1] + bytes(0xD000_0000) + [0x40, 0x74, 0x03] + halt
        let write = store(1, 0xD000_0000)
        #expect(try run(port + memory + write + powerOff).cause == .poweredOff)
    }

    @Test("a virtio window answers with its magic number")
    func virtioMagic() throws {
        // cmp with "virt"; jz over the halt
        let check: [UInt8] = [0xA1] + bytes(0xC000_0000) + [0x3D] + bytes(0x7472_6976) + [0x74, 0x03] + halt
        #expect(try run(check + powerOff).cause == .poweredOff)
    }

    @Test("packed rings are offered where the configuration says so, and nowhere else", arguments: [true, false])
    func packedRings(isOffered: Bool) throws {
        // Bit 34: and with bit 2 of the features' second page, cmp; jz over the halt
        let check =
            store(1, 0xC000_0014) + [0xA1] + bytes(0xC000_0010) + [0x25] + bytes(4)
            + [0x3D] + bytes(isOffered ? 4 : 0) + [0x74, 0x03] + halt
        #expect(try run(check + powerOff) { $0.offersPackedRings = isOffered }.cause == .poweredOff)
    }

    @Test("a device that cannot start is told by its name, with the reason; four times, however often the guest tries")
    func faults() throws {
        let lines = Mutex<[String]>([])
        let drive = try FileDescriptor.temporaryFile()
        // No queue; then mov status, %eax; test $0x40, %al; jz back to the mov
        func fail(_ device: UInt32) -> [UInt8] {
            let window = MicroGuest.window(device)
            return MicroGuest.start(window, features: 0, []) + [0xA1] + bytes(window + 0x70) + [0xA8, 0x40, 0x74, 0xF7]
        }
        let machine = try MicroGuest.machine(
            (0..<10).flatMap { _ in fail(1) } + fail(0) + powerOff, console: ConsoleStreams(input: nil, output: nil),
            configure: { $0.drives = [DriveConfig(path: "/proc/self/fd/\(drive.rawValue)")] },
            notice: { line in lines.withLock { $0.append(line) } })
        #expect(machine.run() == .poweredOff)
        let why = "cannot start: queue 0 is needed and was not set up; it waits for the guest to reset it"
        #expect(
            lines.withLock { $0 } == Array(repeating: "entropy: \(why)", count: 3) + [
                "entropy: \(why); no more is told of it", "drives/drive0: \(why)",
            ])
    }

    @Test("machines of many vCPUs end as one does: the others wait for the first")
    func manyVCPUs() throws {
        #expect(try run(powerOff, cpus: 16).cause == .poweredOff)
    }

    @Test("a hundred machines one after the other leave no thread and no descriptor behind")
    func nothingIsLeft() async {
        // In a process of its own: other tests open and close descriptors meanwhile.
        await #expect(processExitsWith: .success) {
            let tests = MachineTests()
            _ = try tests.run(tests.powerOff)
            let before = openDescriptorCount()
            for _ in 0..<100 where try tests.run(tests.powerOff).cause != .poweredOff { exit(2) }
            exit(openDescriptorCount() == before ? 0 : 1)
        }
    }
}
