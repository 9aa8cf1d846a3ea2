// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VirtioQueueTestSupport
import Vsock
import VsockTestSupport

@Suite(.serialized) struct FuzzTests {
    /// `Corpus` beside `Tests`.
    static let folder: String = {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        return parts.joined(separator: "/") + "/Corpus/"
    }()

    static func read(_ name: String) -> [UInt8]? {
        guard let file = fopen(folder + name, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes.prefix(count))
    }

    @Test("the seeds on disk are those of the test support (UPDATE_CORPUS=1 writes them)")
    func seedsOnDisk() throws {
        let seeds =
            VsockFuzzSeeds.packets.map { ("vsock-packet/" + $0.name, $0.bytes) }
            + VsockFuzzSeeds.sequences.map { ("vsock-sequence/" + $0.name, $0.bytes) }
        for (name, bytes) in seeds {
            if getenv("UPDATE_CORPUS") != nil {
                let file = try #require(fopen(Self.folder + name, "w"))
                fwrite(bytes, 1, bytes.count, file)
                fclose(file)
            }
            #expect(Self.read(name) == bytes, "\(name)")
        }
    }

    @Test("a seed of a packet comes to what its name says", arguments: VsockFuzzSeeds.packets.map(\.name))
    func packetSeeds(name: String) throws {
        let seed = try #require(VsockFuzzSeeds.packets.first { $0.name == name })
        let result = seed.bytes.withUnsafeBytes { fuzzVsockPacket($0) }
        #expect(result.isMalformed == name.hasPrefix("malformed-"))
        #expect((result.deliveredByteCount > 0) == name.hasPrefix("delivered-"))
        if name.hasPrefix("reset-") { #expect(result.answers == [.reset]) }
        if name.hasPrefix("quiet-") { #expect(result.answers == []) }
        if name.hasPrefix("answered-") { #expect(result.answers == [.creditUpdate]) }
    }

    @Test("a seed of a sequence is played to its end", arguments: VsockFuzzSeeds.sequences.map(\.name))
    func sequenceSeeds(name: String) throws {
        let seed = try #require(VsockFuzzSeeds.sequences.first { $0.name == name })
        let result = seed.bytes.withUnsafeBytes { fuzzVsockSequence($0) }
        #expect(result.steps > 0)
        let opensNothing = ["refused", "line-in-pieces", "busy-host"].contains(name)
        #expect(opensNothing || result.opened > 0)
    }

    @Test("seeds with bytes changed, cut and added find nothing; the seed is printed when they do")
    func mutated() {
        let given = getenv("MODEL_SEED") ?? getenv("SEED")
        let seed = given.flatMap { UInt64(String(cString: $0)) } ?? UInt64.random(in: 0...UInt64.max)
        // An aborted process shows the last line only.
        print("FuzzTests.mutated: MODEL_SEED=\(seed)")
        var generator = SeededGenerator(seed: seed)
        for round in 0..<600 {
            let isPacket = round & 1 == 0
            let seeds = isPacket ? VsockFuzzSeeds.packets : VsockFuzzSeeds.sequences
            var bytes = seeds[Int.random(in: 0..<seeds.count, using: &generator)].bytes
            if !isPacket, Bool.random(using: &generator) {
                bytes += seeds[Int.random(in: 0..<seeds.count, using: &generator)].bytes
            }
            for _ in 0..<Int.random(in: 1...6, using: &generator) where !bytes.isEmpty {
                let at = Int.random(in: 0..<bytes.count, using: &generator)
                let extremes: [UInt8] = [0, 1, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &generator)]
                bytes[at] = extremes[Int.random(in: 0..<6, using: &generator)]
            }
            bytes.withUnsafeBytes { bytes in
                if isPacket { _ = fuzzVsockPacket(bytes) } else { _ = fuzzVsockSequence(bytes) }
            }
        }
    }

    @Test(
        "what once was a finding is none any more",
        arguments: [
            "found-two-transport-resets", "found-stale-socket", "found-busy-transport-reset",
            "found-answer-to-first-of-two-resets", "found-empty-message-without-room", "found-unheard-connections",
        ])
    func found(name: String) throws {
        let bytes = try #require(Self.read("vsock-sequence/" + name))
        #expect(bytes.withUnsafeBytes { fuzzVsockSequence($0) }.steps > 0)
    }

    @Test(
        "both streams of most connections are compared to their ends",
        arguments: ["guest-opens", "host-opens", "messages", "messages-full"])
    func comparedSeeds(name: String) throws {
        let seed = try #require(VsockFuzzSeeds.sequences.first { $0.name == name })
        #expect(seed.bytes.withUnsafeBytes { fuzzVsockSequence($0) }.compared > 0)
    }

    @Test("random sequences find nothing", arguments: [1, 2, 3, 4] as [UInt64])
    func random(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        for _ in 0..<60 {
            let bytes = (0..<Int.random(in: 10...400, using: &generator)).map { _ in
                UInt8(truncatingIfNeeded: generator.next() >> 32)
            }
            bytes.withUnsafeBytes { _ = fuzzVsockSequence($0) }
        }
    }
}
