// SPDX-License-Identifier: Apache-2.0
import Glibc
import SwiftletVMM
import Testing
import VMMSysUtil
import VirtioDevices

/// What a machine does at its end, and leaves behind.
@Suite(.serialized, .enabled(if: KVMPresence.isUsable, "needs a usable /dev/kvm"))
struct MachineEndTests {
    private static let descriptors: UInt32 = 0x40_0000
    private static let multiport: UInt32 = 2

    /// A machine with a drive and a command's streams: every kind of device.
    private static func machine(
        _ code: [UInt8], data: [(UInt64, [UInt8])] = [], output: consuming FileDescriptor
    ) throws -> Machine {
        let drive = try FileDescriptor.temporaryFile()
        try [UInt8](repeating: 0, count: 4096).withUnsafeBytes { try drive.writeAll(from: $0) }
        return try MicroGuest.machine(
            code, data: data, console: ConsoleStreams(input: nil, output: nil),
            command: CommandStreams(
                input: HostDescriptor(adopting: FileDescriptor.open("/dev/null", .readOnly), for: .input),
                output: HostDescriptor(adopting: output, for: .output),
                error: HostDescriptor(adopting: FileDescriptor.open("/dev/null", .writeOnly), for: .output))
        ) { $0.drives = [DriveConfig(path: "/proc/self/fd/\(drive.rawValue)")] }
    }

    @Test("what a command had written is all there, however much of it was still in the queue")
    func lastOutput() throws {
        // Control queues, and standard output's: port 1 sends on queue 5 (virtio 1.2, 5.3.2).
        let rings = [2, 3, 5].map { (queue: UInt32) in
            MicroGuest.Rings(queue: queue, size: 4, descriptors: Self.descriptors + queue * 0x1000)
        }
        let chainByteCount: UInt32 = 600 << 10
        var table: [UInt8] = []
        for _ in 0..<3 { table += [0x80_0000, 0, chainByteCount, 0].flatMap(MicroGuest.bytes) }
        // Three chains, whose heads are 0, 1 and 2; the index follows once the device is up, and no bell rings.
        let heads = [0x0000_0000, 0x0001_0000, 0x0000_0002].flatMap(MicroGuest.bytes)
        let output = try FileDescriptor.temporaryFile()
        let machine = try Self.machine(
            MicroGuest.start(MicroGuest.window(2), features: Self.multiport, rings)
                + MicroGuest.wait(ticks: 300_000_000) + MicroGuest.store(3 << 16, rings[2].available)
                + MicroGuest.powerOff,
            data: [(UInt64(rings[2].descriptors), table), (UInt64(rings[2].available), heads)],
            output: output.duplicate())
        #expect(machine.run() == .poweredOff)
        #expect(try output.byteCount() == UInt64(3 * chainByteCount))
    }

    @Test("machines with every kind of device leave no descriptor behind, whether they ran or not")
    func nothingIsLeft() async {
        // In a process of its own: other tests open and close descriptors meanwhile.
        await #expect(processExitsWith: .success) {
            func make() throws -> Machine {
                try Self.machine(MicroGuest.powerOff, output: FileDescriptor.open("/dev/null", .writeOnly))
            }
            _ = try make()
            let before = openDescriptorCount()
            for _ in 0..<10 where try make().run() != .poweredOff { exit(2) }
            for _ in 0..<10 { _ = try make() }
            exit(openDescriptorCount() == before ? 0 : 1)
        }
    }
}

/// How many of the first 1024 descriptors are open.
func openDescriptorCount() -> Int { (Int32(0)..<1024).count { fcntl($0, F_GETFD) >= 0 } }
