// SPDX-License-Identifier: Apache-2.0
import LinuxLoaderTestSupport
import SwiftletVMM
import VMMSysUtil

/// The instructions of guests in 32-bit protected mode, as PVH enters them, and the file that boots them.
enum MicroGuest {
    /// Where the code starts.
    static let entry: UInt64 = 0x10_0000
    static let halt: [UInt8] = [0xF4, 0xEB, 0xFD]
    static let powerOff: [UInt8] = [0xB0, 0x34, 0x66, 0xBA, 0x00, 0x06, 0xEE]

    /// `mov $value, %al; mov $port, %dx; out %al, %dx`
    static func out(_ value: UInt8, _ port: UInt16) -> [UInt8] {
        [0xB0, value, 0x66, 0xBA, UInt8(port & 0xFF), UInt8(port >> 8), 0xEE]
    }

    /// `mov $value, %eax; mov %eax, address`
    static func store(_ value: UInt32, _ address: UInt32) -> [UInt8] { [0xB8] + bytes(value) + [0xA3] + bytes(address) }

    /// Little-endian.
    static func bytes(_ value: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) } }

    /// Sends the letter `count` times: `mov $0x3F8, %dx; mov $count, %ecx; mov $letter, %al; 1: out %al, %dx; loop 1b`
    static func say(_ letter: UInt8, count: UInt32) -> [UInt8] {
        [0x66, 0xBA, 0xF8, 0x03, 0xB9] + bytes(count) + [0xB0, letter, 0xEE, 0xE2, 0xFD]
    }

    /// Waits for that many ticks of the time-stamp counter without leaving the guest:
    /// `rdtsc; mov %eax, %ebx; 1: pause; rdtsc; sub %ebx, %eax; cmp $ticks, %eax; jb 1b`
    static func wait(ticks: UInt32) -> [UInt8] {
        [0x0F, 0x31, 0x89, 0xC3, 0xF3, 0x90, 0x0F, 0x31, 0x29, 0xD8, 0x3D] + bytes(ticks) + [0x72, 0xF3]
    }

    /// Makes a machine that runs the code and then halts; `data` is put where the addresses say.
    static func machine(
        _ code: [UInt8], data: [(UInt64, [UInt8])] = [], console: consuming ConsoleStreams,
        command: consuming CommandStreams? = nil, configure: (inout MachineConfig) -> Void = { _ in }
    ) throws -> Machine {
        let segments =
            [ELFBuilder.Segment(address: entry, bytes: code + halt)]
            + data.map { ELFBuilder.Segment(address: $0.0, bytes: $0.1) }
        var elf = ELFBuilder(segments: segments)
        elf.notes = ELFBuilder.pvhNote(entry)
        let kernel = try FileDescriptor.temporaryFile()
        try elf.build().bytes.withUnsafeBytes { try kernel.writeAll(from: $0) }
        var config = MachineConfig(kernelPath: "/proc/self/fd/\(kernel.rawValue)")
        config.memoryBytes = 16 << 20
        configure(&config)
        return try Machine(config, console: console, command: command)
    }
}
