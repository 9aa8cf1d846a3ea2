// SPDX-License-Identifier: Apache-2.0
import Testing
import VirtioQueueTestSupport

@Suite struct RepairTests {
    @Test("whatever inputs were, 98 of 100 repaired ones have a chain that can be completed")
    func anything() {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededGenerator(seed: seed)
        var completed = 0
        for _ in 0..<2000 {
            let count = Int.random(in: 10...1500, using: &generator)
            // Numbers that are small more often than not, as in a queue.
            var bytes = (0..<count).map { _ in
                Bool.random(using: &generator) ? 0 : UInt8.random(in: 0...255, using: &generator)
            }
            bytes.withUnsafeMutableBytes { repairDescriptorChain($0) }
            if CorpusTests.fuzz(bytes).completed > 0 { completed += 1 }
        }
        // Together with a table, a chain may still be longer than the queue.
        #expect(completed >= 1960, "seed \(seed)")
    }

    @Test("a legal shape completes as many chains as before")
    func legal() {
        for seed in ChainFuzzInput.seeds where !seed.name.hasPrefix("bad-") {
            var bytes = seed.input.bytes
            bytes.withUnsafeMutableBytes { repairDescriptorChain($0) }
            let (repaired, before) = (CorpusTests.fuzz(bytes), CorpusTests.fuzz(seed.input.bytes))
            #expect(repaired.completed >= before.completed, "\(seed.name)")
        }
    }

    @Test("an input too short to be one stays as it is")
    func short() {
        for count in 0..<10 {
            var bytes = [UInt8](repeating: 0xff, count: count)
            bytes.withUnsafeMutableBytes { repairDescriptorChain($0) }
            #expect(bytes.allSatisfy { $0 == 0xff })
        }
    }
}
