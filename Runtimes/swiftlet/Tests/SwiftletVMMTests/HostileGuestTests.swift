// SPDX-License-Identifier: Apache-2.0
import Glibc
import SwiftletVMM
import Testing
import VMMSysUtil
import VirtioDevices

/// Guests that do what no driver does, against the whole machine: every device, the bus and the threads.
@Suite(.serialized, .enabled(if: KVMPresence.isUsable, "needs a usable /dev/kvm"))
struct HostileGuestTests {
    /// A machine with a drive of 1 MiB, an entropy source, a command's console and a serial port that takes everything.
    private func machine(_ code: [UInt8], data: [(UInt64, [UInt8])] = []) throws -> Machine {
        let drive = try FileDescriptor.temporaryFile()
        try [UInt8](repeating: 0, count: 1 << 20).withUnsafeBytes { try drive.writeAll(from: $0) }
        return try MicroGuest.machine(
            code, data: data, console: ConsoleStreams(input: try null(.input), output: try null(.output)),
            command: CommandStreams(input: null(.input), output: null(.output), error: null(.output))
        ) { $0.drives = [DriveConfig(path: "/proc/self/fd/\(drive.rawValue)")] }
    }

    private func null(_ direction: HostDescriptor.Direction) throws -> HostDescriptor {
        try HostDescriptor(
            adopting: FileDescriptor.open("/dev/null", direction == .input ? .readOnly : .writeOnly), for: direction)
    }

    @Test("a guest that writes anything anywhere ends with the cause it gave at last", arguments: UInt64(1)...6)
    func randomAccesses(seed: UInt64) throws {
        var program = HostileProgram(seed: seed)
        let machine = try machine(program.code(count: 500) + MicroGuest.powerOff, data: program.data())
        switch machine.run() {
        case .poweredOff: break
        // What happens to lie in memory may be taken for a report.
        case .commandEnded: break
        case let other: Issue.record("\(other)")
        }
    }

    /// Loops that never end by themselves.
    static let endless: [(String, [UInt8])] = [
        ("halted", MicroGuest.halt),
        (
            "floods the serial port",
            [0xBE] + MicroGuest.bytes(0x40_0000) + [0xB9] + MicroGuest.bytes(4096)
                + [0x66, 0xBA, 0xF8, 0x03, 0xF3, 0x6E]
        ),
        (
            "resets devices",
            (0..<3).flatMap {
                MicroGuest.store(1, MicroGuest.window($0) + 0x70) + MicroGuest.store(0, MicroGuest.window($0) + 0x70)
            }
        ),
        (
            "starts a device and resets it",
            MicroGuest.start(
                MicroGuest.window(2), features: 2,
                [2, 3, 4, 5].map { .init(queue: $0, size: 4, descriptors: 0x40_0000 + $0 * 0x1000) })
        ),
        ("rings doorbells", (0..<10).flatMap { MicroGuest.store($0, MicroGuest.window($0 % 3) + 0x50) }),
        (
            "writes the configuration space",
            MicroGuest.store(1, MicroGuest.window(2) + 0x70)
                + MicroGuest.store(3, MicroGuest.window(2) + 0x70)
                + (0..<200).flatMap { _ in MicroGuest.store(0x61, MicroGuest.window(2) + 0x108) }
        ),
    ]

    @Test("a signal ends a guest whatever it does meanwhile", arguments: 0..<endless.count)
    func signalEnds(index: Int) throws {
        let (name, body) = Self.endless[index]
        // jmp back to the start
        let code = body + [0xE9] + MicroGuest.bytes(0 &- UInt32(body.count + 5))
        let machine = try machine(code)
        let ours = pthread_self()
        let sender = try Thread(name: "sender") {
            usleep(200_000)
            pthread_kill(ours, SIGTERM)
        }
        let cause = machine.run()
        try sender.join()
        #expect(cause == .interrupted(signal: SIGTERM), "\(name)")
    }
}

/// Instructions that a generator chose, the same ones for the same seed.
///
/// Devices may write where the rings say, so all plausible addresses are far from the code.
private struct HostileProgram {
    private var state: UInt64
    private static let ringBase: UInt32 = 0x40_0000
    private static let bufferBase: UInt32 = 0x80_0000

    init(seed: UInt64) { state = seed }

    private mutating func next() -> UInt64 {
        // SplitMix64
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        return mixed ^ mixed >> 31
    }

    private mutating func below(_ bound: UInt32) -> UInt32 { UInt32(next() % UInt64(bound)) }

    /// A value at a border, an address in reach, or anything.
    private mutating func value() -> UInt32 {
        switch below(6) {
        case 0: [0, 1, 2, 3, 4, 8, 0x7FFF_FFFF, 0x8000_0000, .max, .max - 1, 0xFFFF, 0x1_0000][Int(below(12))]
        case 1: Self.ringBase + below(0x100) * 16
        case 2: Self.bufferBase + below(0x40_0000)
        case 3: below(32)
        case 4: [1, 3, 0xB, 0xF, 0x80, 0][Int(below(6))]
        default: UInt32(truncatingIfNeeded: next())
        }
    }

    /// Tables of descriptors and rings that make sense in part.
    mutating func data() -> [(UInt64, [UInt8])] {
        var bytes: [UInt8] = []
        while bytes.count < 0x1_0000 {
            let address = below(8) == 0 ? max(value(), Self.bufferBase) : Self.bufferBase + below(0x40_0000)
            let length = below(8) == 0 ? value() : below(4096)
            let flags = below(8)
            for word in [address, below(16) == 0 ? value() : 0, length, below(8) << 16 | flags] {
                bytes += MicroGuest.bytes(word)
            }
        }
        return [(UInt64(Self.ringBase), bytes)]
    }

    mutating func code(count: Int) -> [UInt8] {
        var code: [UInt8] = []
        for _ in 0..<count { code += instruction() }
        return code
    }

    private mutating func instruction() -> [UInt8] {
        let window = MicroGuest.window(below(8) == 0 ? below(32) : below(3))
        let register = below(4) == 0 ? below(0x1004) : below(0x48) * 4
        let address = MicroGuest.bytes(window + register)
        let load: [UInt8] = [0xB8] + MicroGuest.bytes(value())
        switch below(12) {
        case 0, 1: return load + [0xA3] + address
        case 2: return load + (below(2) == 0 ? [0xA2] : [0x66, 0xA3]) + address
        case 3: return [[0xA0], [0x66, 0xA1], [0xA1]][Int(below(3))] + address
        case 4: return portAccess()
        case 5: return portString()
        case 6:
            // rep stosl over a part of the window
            return [0xBF] + address + [0xB9] + MicroGuest.bytes(below(70)) + load + [0xF3, 0xAB]
        case 7: return MicroGuest.store(value(), Self.ringBase + below(0x4000) * 4)
        case 8, 9: return MicroGuest.store(below(10), window + 0x50)
        case 10: return MicroGuest.store([0, 0x80, 0xFF][Int(below(3))], window + 0x70)
        default:
            let rings = (0..<10).map { (queue: UInt32) in
                MicroGuest.Rings(queue: queue, size: 1 << below(7), descriptors: Self.ringBase + below(64) * 0x400)
            }
            let wake = rings.flatMap { MicroGuest.store(below(0x40) << 16, $0.available) }
            return wake + MicroGuest.start(window, features: value() & 0x3000_0226, rings)
        }
    }

    /// Anything but the ends of the machine.
    private mutating func portAccess() -> [UInt8] {
        let port = port()
        let width = Int(below(3))
        let select: [UInt8] = [0x66, 0xBA, UInt8(port & 0xFF), UInt8(port >> 8)]
        if below(2) == 0 { return select + [[0xEC], [0x66, 0xED], [0xED]][width] }
        return [0xB8] + MicroGuest.bytes(value()) + select + [[0xEE], [0x66, 0xEF], [0xEF]][width]
    }

    private mutating func portString() -> [UInt8] {
        let port = port()
        let isOut = below(2) == 0
        let pointer: UInt8 = isOut ? 0xBE : 0xBF
        return [pointer] + MicroGuest.bytes(Self.bufferBase + below(0x10_0000)) + [0xB9]
            + MicroGuest.bytes(below(3000)) + [0x66, 0xBA, UInt8(port & 0xFF), UInt8(port >> 8), 0xF3]
            + [isOut ? 0x6E : 0x6C]
    }

    private mutating func port() -> UInt32 {
        while true {
            let port = below(2) == 0 ? 0x3F8 + below(8) : below(0x1_0000)
            if ![0x64, 0x600, 0x602].contains(port) { return port }
        }
    }
}
