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

    /// The register page of the virtio device of that number: drives first, then entropy source, then command console.
    static func window(_ device: UInt32) -> UInt32 { 0xC000_0000 + device * 0x1000 }

    /// Where the parts of a queue are.
    struct Rings {
        let queue: UInt32
        let size: UInt32
        let descriptors: UInt32
        var available: UInt32 { descriptors + size * 16 }
        var used: UInt32 { (available + 6 + size * 2 + 3) & ~3 }
    }

    /// Brings a device up as a driver does (virtio 1.2, 3.1.1).
    static func start(_ window: UInt32, features: UInt32, _ rings: [Rings]) -> [UInt8] {
        var code: [UInt8] = []
        func set(_ register: UInt32, _ value: UInt32) { code += store(value, window + register) }
        for status: UInt32 in [0, 1, 3] { set(0x70, status) }
        for (page, value) in [features, 1].enumerated() {
            set(0x24, UInt32(page))
            set(0x20, value)
        }
        set(0x70, 0xB)
        for ring in rings {
            set(0x30, ring.queue)
            set(0x38, ring.size)
            for (register, address): (UInt32, UInt32) in [
                (0x80, ring.descriptors), (0x90, ring.available), (0xA0, ring.used),
            ] {
                set(register, address)
                set(register + 4, 0)
            }
            set(0x44, 1)
        }
        set(0x70, 0xF)
        return code
    }

    /// Makes a machine that runs the code and then halts; `data` is put where the addresses say.
    static func machine(
        _ code: [UInt8], data: [(UInt64, [UInt8])] = [], console: consuming ConsoleStreams,
        command: consuming CommandStreams? = nil, configure: (inout MachineConfig) -> Void = { _ in },
        notice: @escaping @Sendable (String) -> Void = { _ in }
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
        return try Machine(config, console: console, command: command, notice: notice)
    }
}
