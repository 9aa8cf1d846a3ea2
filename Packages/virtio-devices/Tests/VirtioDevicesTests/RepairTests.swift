// SPDX-License-Identifier: Apache-2.0
import Testing
import VirtioDevicesTestSupport
import VirtioQueueTestSupport

@Suite struct RepairTests {
    @Test("accesses that were any come to a device that runs, once they are repaired")
    func registers() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<100 {
            var bytes = (0..<Int(random.next() % 600) + 48).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            bytes.withUnsafeMutableBytes { repairMMIORegisters($0) }
            #expect(bytes.withUnsafeBytes { fuzzMMIORegisters($0) }.runs > 0)
        }
    }
}
