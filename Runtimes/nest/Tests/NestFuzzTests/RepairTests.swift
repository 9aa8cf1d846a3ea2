// SPDX-License-Identifier: Apache-2.0
import NestTestSupport
import Testing

@Suite("What mutators broke is mended")
struct RepairTests {
    /// Seeds that are whole, cut short and with a byte changed, which mostly breaks them.
    private func broken(_ target: String) throws -> [(seed: String, bytes: [UInt8])] {
        let seeds = try #require(try Seeds.all()[target])
        return seeds.flatMap { seed in
            [2, 3, 5, 7].map { divisor in
                var bytes = seed.bytes
                if bytes.count > 4 { bytes[bytes.count / divisor] ^= 0xA5 }
                if divisor == 3 { bytes.removeLast(bytes.count / 3) }
                return (seed.name, bytes)
            }
        }
    }

    @Test("a request")
    func requests() throws {
        for (seed, bytes) in try broken("agent-request") {
            let repaired = repairAgentRequest(bytes)
            #expect(repaired.withUnsafeBytes { fuzzAgentRequest($0) } != .malformed, "\(seed)")
        }
        // A container's name that is cut takes what is left of it with it; the storage stays, without the text that is none.
        let bytes: [UInt8] = [2, 10, 2, 0x63, 0x31, 42, 6, 10, 1, 0xff, 34, 1, 0x78, 10, 9, 0x79]
        #expect(repairAgentRequest(bytes) == [2, 10, 2, 0x63, 0x31, 42, 6, 10, 1, 0x7f, 34, 1, 0x78, 10, 1, 0x79])
    }

    @Test("what comes from a guest")
    func answers() throws {
        for (seed, bytes) in try broken("agent-answer") {
            let repaired = repairAgentAnswer(bytes)
            #expect(repaired.withUnsafeBytes { fuzzAgentAnswer($0) } != .refused, "\(seed)")
        }
    }

    @Test("a bundle's specification")
    func bundles() throws {
        for (seed, bytes) in try broken("bundle") {
            let repaired = repairBundle(bytes)
            #expect(repaired.withUnsafeBytes { fuzzBundle($0) }.isWhole, "\(seed)")
        }
        let text = #"x{"process":{"args":["sh",{},"\q"],"cwd":7,"env":["A=b""#
        #expect(repairBundle(Array(text.utf8)) == Array(#"{"process":{"args":["sh",""],"env":["A=b"]}}"#.utf8))
    }

    @Test("a configuration")
    func configurations() throws {
        for (seed, bytes) in try broken("nest-configuration") {
            let repaired = repairNestConfiguration(bytes)
            #expect(repaired.withUnsafeBytes { fuzzNestConfiguration($0) }.isWhole, "\(seed)")
        }
        let repaired = repairNestConfiguration(Array("[vm]\nkernel = \"/k\"\nusers = many\nkernel = \"/l\"\n".utf8))
        #expect(repaired.starts(with: Array("[vm]\nkernel = \"/k\"\n".utf8)))
    }
}
