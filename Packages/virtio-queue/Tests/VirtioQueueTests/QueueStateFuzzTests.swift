// SPDX-License-Identifier: Apache-2.0
import Testing
import VirtioQueueTestSupport

@Suite struct QueueStateFuzzTests {
    @Test(
        "a saved state comes to what its name says",
        arguments: [
            "serves-split", "serves-wrap", "serves-in-flight", "serves-packed", "serves-packed-in-flight",
            "serves-overlap", "serves-in-order", "taken-in-order-packed", "refused-order", "refused-order-head",
            "refused-order-slots", "taken-empty", "taken-broken", "taken-packed-broken", "refused-format",
            "refused-other-format", "refused-in-flight", "refused-indices", "refused-position", "refused-slots",
            "refused-size", "refused-size-zero", "refused-not-two", "refused-not-ready", "refused-address",
            "refused-unaligned", "refused-end",
        ])
    func seeds(name: String) throws {
        let bytes = try #require(CorpusTests.read("../queue-state/" + name))
        let result = bytes.withUnsafeBytes { fuzzQueueState($0) }
        #expect(result.isRestored == !name.hasPrefix("refused-"))
        #expect((result.completed > 0) == name.hasPrefix("serves-"))
    }

    @Test("random states find nothing")
    func random() {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<300 {
            let bytes = (0..<Int.random(in: 0...600, using: &generator)).map { _ in
                UInt8(truncatingIfNeeded: generator.next() >> 32)
            }
            bytes.withUnsafeBytes { _ = fuzzQueueState($0) }
        }
    }
}
