// SPDX-License-Identifier: Apache-2.0
import Glibc
import TTRPCTestSupport
import Testing

@Suite struct FuzzTests {
    /// `Corpus` beside `Tests`.
    static let folder: String = {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        return parts.joined(separator: "/") + "/Corpus/ttrpc-frame/"
    }()

    @Test("the seeds on disk are those of the test support (UPDATE_CORPUS=1 writes them)")
    func seedsOnDisk() throws {
        for (name, bytes) in TTRPCFuzzSeeds.frames {
            if getenv("UPDATE_CORPUS") != nil {
                let file = try #require(fopen(Self.folder + name, "w"))
                fwrite(bytes, 1, bytes.count, file)
                fclose(file)
            }
            let file = try #require(fopen(Self.folder + name, "r"), "\(name)")
            defer { fclose(file) }
            var read = [UInt8](repeating: 0, count: 1 << 16)
            let count = fread(&read, 1, read.count, file)
            #expect(Array(read.prefix(count)) == bytes, "\(name)")
        }
    }

    @Test("a seed comes to what its name says", arguments: TTRPCFuzzSeeds.frames.map(\.name))
    func seeds(name: String) throws {
        let seed = try #require(TTRPCFuzzSeeds.frames.first { $0.name == name })
        let result = seed.bytes.withUnsafeBytes { fuzzTTRPCFrame($0) }
        #expect((result.refused > 0) == name.hasPrefix("refused-"))
        #expect(result.isTruncated == (name.hasPrefix("truncated-") || name == "refused-huge"))
        // What is malformed as a request is so as a response, too.
        #expect((result.malformed == 2) == name.hasPrefix("malformed-"))
        if name.hasPrefix("request-") { #expect(result.requests > 0) }
        if name.hasPrefix("response-") { #expect(result.responses > 0) }
    }

    @Test("seeds with bytes changed, cut and joined find nothing; MODEL_SEED plays others")
    func mutated() {
        var state = getenv("MODEL_SEED").flatMap { UInt64(String(cString: $0)) } ?? 1
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % max(1, bound)
        }
        let seeds = TTRPCFuzzSeeds.frames
        for _ in 0..<3000 {
            var bytes = seeds[next(seeds.count)].bytes
            if next(2) == 0 { bytes += seeds[next(seeds.count)].bytes.dropFirst(2) }
            for _ in 0...next(6) {
                let extremes: [UInt8] = [0, 1, 0x7f, 0x80, 0xff, UInt8(next(256))]
                bytes[next(bytes.count)] = extremes[next(6)]
            }
            if next(4) == 0 { bytes.removeLast(next(bytes.count)) }
            _ = bytes.withUnsafeBytes { fuzzTTRPCFrame($0) }
        }
    }
}
