// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel

/// Boundary values in every register and every field of the rings, of every device. `SWEEP=all` plays each case; else so many
/// are drawn, by `SEED`.
@Suite struct SweepTests {
    private static func environment(_ name: String) -> String? { getenv(name).map { String(cString: $0) } }
    private let limit = environment("SWEEP") == "all" ? nil : 400
    private let seed = environment("SEED").flatMap { UInt64($0) } ?? 1

    private func sweep(_ make: () -> any VirtioDevice) throws {
        let result = try sweepVirtioDevice(seed: seed, limit: limit, make)
        #expect(result.findings == [], "seed \(seed)")
        #expect(result.caseCount >= 400)
    }

    @Test("no register and no field of a ring takes the block device from the driver for longer than to its reset")
    func block() throws {
        try sweep { BlockDevice(disk: MemoryDisk(sectors: 64), options: BlockOptions(queueSize: 16)) }
    }

    @Test("no register and no field of a ring takes the entropy device from the driver for longer than to its reset")
    func entropy() throws {
        try sweep { EntropyDevice(queueSize: 16) }
    }

    @Test("no register and no field of a ring takes the console from the driver for longer than to its reset")
    func console() throws {
        try sweep {
            ConsoleDevice(
                ports: [ConsolePort(isConsole: true, input: nil, output: nil), ConsolePort(input: nil, output: nil)],
                size: ConsoleSize(columns: 80, rows: 25), queueSize: 16)
        }
    }

    @Test(
        "the sweep finds a device that does not come to rest, one that fails for good, and one that forgets its place")
    func findsFaults() throws {
        #expect(try !sweepVirtioDevice(limit: 100) { RestlessDevice() }.findings.isEmpty)
        #expect(try !sweepVirtioDevice(limit: 100) { StubbornDevice() }.findings.isEmpty)
        #expect(try !sweepVirtioDevice(limit: 100) { SavedDevice(fault: .staysStill) }.findings.isEmpty)
    }
}
