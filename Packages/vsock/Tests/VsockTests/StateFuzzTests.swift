// SPDX-License-Identifier: Apache-2.0
import Testing
import VirtioQueueTestSupport
import VsockTestSupport

@Suite(.serialized) struct StateFuzzTests {
    @Test(
        "a saved state with other numbers in it comes to what its name says",
        arguments: [
            "taken-signals", "taken-reset", "taken-again", "taken-idle", "taken-no-event", "taken-broken-transmit",
            "taken-behind", "taken-event-owed", "taken-no-receive", "taken-no-transmit", "refused-event-owed",
            "refused-cid", "refused-port", "refused-event-buffer", "refused-unreturned",
            "refused-resets", "refused-size", "refused-in-flight", "refused-indices", "refused-format",
            "refused-not-ready", "refused-address",
        ])
    func seeds(name: String) throws {
        let bytes = try #require(FuzzTests.read("vsock-state/" + name))
        #expect(bytes.withUnsafeBytes { fuzzVsockState($0) }.isRestored == name.hasPrefix("taken-"))
    }

    @Test("random changes find nothing")
    func random() {
        var generator = SeededGenerator(seed: 5)
        for _ in 0..<100 {
            let bytes = (0..<Int.random(in: 5...40, using: &generator)).map { _ in
                UInt8(truncatingIfNeeded: generator.next() >> 32)
            }
            bytes.withUnsafeBytes { _ = fuzzVsockState($0) }
        }
    }
}
