// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel

@Suite struct ConformanceTests {
    @Test("the block device obeys the laws of devices", arguments: [1, 2] as [UInt64])
    func block(seed: UInt64) throws {
        #expect(try checkVirtioDevice(seed: seed) { BlockDevice(disk: MemoryDisk(sectors: 64)) } == [])
        #expect(try checkVirtioDevice(seed: seed) { BlockDevice(disk: nil) } == [])
    }

    @Test("the entropy device obeys the laws of devices")
    func entropy() throws {
        #expect(try checkVirtioDevice { EntropyDevice() } == [])
    }

    @Test("the console obeys the laws of devices", arguments: [1] as [UInt64])
    func console(seed: UInt64) throws {
        let (_, writeEnd) = try makePipe()
        let (readEnd, _keep) = try makePipe()
        let output = End(writeEnd.take())
        let findings = try checkVirtioDevice(seed: seed) {
            let ports = (0..<3).map { number in
                ConsolePort(
                    name: "port\(number)", isConsole: number == 0,
                    input: try? HostDescriptor(adopting: readEnd.file.duplicate(), for: .input),
                    output: try? HostDescriptor(adopting: output.file.duplicate(), for: .output))
            }
            return ConsoleDevice(ports: ports, size: ConsoleSize(columns: 80, rows: 25), queueSize: 16)
        }
        #expect(findings == [])
        _ = _keep
    }

    @Test("the checker finds a device that writes more than it says, and one that keeps its queue over a reset")
    func findsFaults() throws {
        #expect(try !checkVirtioDevice { LeakyDevice() }.isEmpty)
        #expect(try !checkVirtioDevice { ProbeDevice(queues: [3]) }.isEmpty)
    }

    @Test(
        "the checker finds a device that serves while it stands still, forgets its place in the queue, or takes any state"
    )
    func findsSavingFaults() throws {
        #expect(try checkVirtioDevice { SavedDevice(fault: nil) } == [])
        for fault in SavedDevice.Fault.allCases {
            #expect(try !checkVirtioDevice { SavedDevice(fault: fault) }.isEmpty, "\(fault)")
        }
    }

    @Test("the checker finds a device that keeps a queue over its reset, drops another, or does not begin anew")
    func findsResetFaults() throws {
        #expect(try checkVirtioDevice { ResettingDevice(fault: nil) } == [])
        for fault in ResettingDevice.Fault.allCases {
            #expect(try !checkVirtioDevice { ResettingDevice(fault: fault) }.isEmpty, "\(fault)")
        }
    }
}
