// SPDX-License-Identifier: Apache-2.0
internal import CBaseline
internal import VMMSysUtil
internal import VirtioDevices
internal import VirtioModel

/// Prints two tables: a block request beside the same transfer by a plain call of C in the same run, and what an idle
/// device costs.
@main
struct Main {
    private static let rounds = 31
    private static let diskByteCount = 16 << 20

    static func main() throws {
        print(pad("virtio-devices, 32 requests a doorbell", 48) + "      ours         C  ratio  allocations")
        for (name, size, repeats) in [("512", 512, 200), ("4 KiB", 4096, 200), ("128 KiB", 128 << 10, 10)] {
            for (kind, writes) in [("read", false), ("write", true)] {
                try row("\(kind) of \(name)", size, writes, repeats) { $0 }
            }
        }
        // Of a file in memory, which the kernel has threads of its own wait for: the dearest case of a ring.
        try row("read of 4 KiB, io_uring", 4096, false, 200) { try RingDisk($0) }
        try row("write of 4 KiB, io_uring", 4096, true, 200) { try RingDisk($0) }
        print(
            "Processor time for one request of a file in memory; the median of \(rounds) rounds, in turns with pread or pwrite."
        )
        try memory("block", 200) { BlockDevice(disk: try makeDisk()) }
        try memory("block, io_uring of 64", 32) { BlockDevice(disk: try RingDisk(makeDisk())) }
        try memory("entropy", 200) { EntropyDevice() }
        try memory("console of 1 port", 200) { ConsoleDevice(ports: [ConsolePort(input: nil, output: nil)]) }
        try memory("console of 8 ports", 200) {
            ConsoleDevice(ports: (0..<8).map { _ in ConsolePort(input: nil, output: nil) })
        }
    }

    private static func makeDisk() throws -> FileDisk {
        try FileDisk(adopting: makeFile(diskByteCount), isReadOnly: false)
    }

    private static func row(
        _ name: String, _ size: Int, _ writes: Bool, _ repeats: Int, _ makeDisk: (FileDisk) throws -> any Disk
    ) throws {
        let file = try makeFile(diskByteCount)
        let disk: any Disk
        do { disk = try makeDisk(FileDisk(adopting: file.duplicate(), isReadOnly: false)) } catch is IOUringError {
            return print("\(name): no io_uring here")
        }
        let rig = try BlockRig(disk, size: size, writes: writes)
        let data = try rig.data()
        let count = Double(repeats * BlockRig.requests)
        try rig.run(2, wait: rig.turn)
        var figures: [(ours: Double, theirs: Double)] = []
        figures.reserveCapacity(rounds)
        var allocations: UInt64 = 0
        for _ in 0..<rounds {
            let before = baseline_allocations()
            let start = baseline_clock()
            try rig.run(repeats, wait: rig.turn)
            let middle = baseline_clock()
            allocations += baseline_allocations() - before
            for _ in 0..<repeats {
                let moved = baseline_transfer(
                    file.rawValue, data, UInt32(size), UInt32(BlockRig.requests), writes ? 1 : 0)
                guard moved == Int64(size * BlockRig.requests) else { throw BenchmarkFailure(text: "pread") }
            }
            let end = baseline_clock()
            figures.append((Double(middle - start) / count, Double(end - middle) / count))
        }
        print(
            pad(name, 48) + number(median(figures.map(\.ours))) + " ns" + number(median(figures.map(\.theirs))) + " ns"
                + number(median(figures.map { $0.ours / $0.theirs }), width: 7) + "  " + String(allocations))
    }

    private static func memory(_ name: String, _ count: Int, _ make: () throws -> any VirtioDevice) throws {
        do {
            let each = try idleMemory(of: count, make)
            print(
                "memory of an idle device, of \(count): \(each.heap) bytes of heap, \(each.process) of the process: \(name)"
            )
        } catch is IOUringError {
            print("\(name): no io_uring here")
        }
    }

    private static func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func number(_ value: Double, width: Int = 9) -> String {
        let hundredths = Int((value * 100).rounded())
        let fraction = hundredths % 100
        let text = "\(hundredths / 100).\(fraction < 10 ? "0" : "")\(fraction)"
        return String(repeating: " ", count: max(0, width - text.count)) + text
    }
}
