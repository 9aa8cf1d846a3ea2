// SPDX-License-Identifier: Apache-2.0
import Testing
import VirtioQueueTestSupport
import VsockTestSupport

@Suite(.serialized) struct RepairTests {
    @Test("a packet that was anything is one of the guest's, once it is repaired; a legal one stays as it is")
    func packets() {
        var random = SeededGenerator(seed: 7)
        for _ in 0..<100 {
            var bytes = (0..<Int(random.next() % 600) + 54).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            bytes.withUnsafeMutableBytes { repairVsockPacket($0) }
            #expect(!bytes.withUnsafeBytes { fuzzVsockPacket($0) }.isMalformed)
        }
        for seed in VsockFuzzSeeds.packets where seed.name.hasPrefix("delivered-") {
            var bytes = seed.bytes
            bytes.withUnsafeMutableBytes { repairVsockPacket($0) }
            #expect(bytes == seed.bytes, "\(seed.name)")
        }
    }
}
