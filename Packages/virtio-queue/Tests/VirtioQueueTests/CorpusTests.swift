// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VirtioQueueTestSupport

@Suite struct CorpusTests {
    /// `Corpus/descriptor-chain` beside `Tests`.
    static let folder: String = {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        return parts.joined(separator: "/") + "/Corpus/descriptor-chain"
    }()

    static func read(_ name: String) -> [UInt8]? {
        guard let file = fopen(folder + "/" + name, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes.prefix(count))
    }

    static func names() -> [String] {
        guard let directory = opendir(folder) else { return [] }
        defer { closedir(directory) }
        var names: [String] = []
        while let entry = readdir(directory) {
            let name = withUnsafePointer(to: entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return names.sorted()
    }

    static func fuzz(_ bytes: [UInt8]) -> FuzzedChains { bytes.withUnsafeBytes { fuzzDescriptorChain($0) } }

    @Test("the seeds on disk are those of the test support (UPDATE_CORPUS=1 writes them)")
    func seedsOnDisk() throws {
        for seed in ChainFuzzInput.seeds {
            if getenv("UPDATE_CORPUS") != nil {
                let file = try #require(fopen(Self.folder + "/" + seed.name, "w"))
                fwrite(seed.input.bytes, 1, seed.input.bytes.count, file)
                fclose(file)
            }
            #expect(Self.read(seed.name) == seed.input.bytes, "\(seed.name)")
        }
    }

    @Test("a seed of a legal shape completes its chains, one of a broken rule does not")
    func seeds() {
        for seed in ChainFuzzInput.seeds {
            let result = Self.fuzz(seed.input.bytes)
            if seed.name.hasPrefix("bad-") {
                #expect(result.malformed > 0 || result.isBroken, "\(seed.name)")
            } else {
                #expect(result.completed > 0 && !result.isBroken, "\(seed.name): \(result)")
            }
        }
    }

    @Test("the whole corpus is replayed, and at least half of it completes a chain")
    func replay() {
        let names = Self.names()
        #expect(names.count >= ChainFuzzInput.seeds.count)
        var completed = 0
        for name in names {
            if let bytes = Self.read(name), Self.fuzz(bytes).completed > 0 { completed += 1 }
        }
        #expect(completed * 2 >= names.count, "\(completed) of \(names.count)")
    }

    @Test("seeds with bytes changed, cut and added end as well; the seed is printed when they do not")
    func mutated() {
        let seed = getenv("MODEL_SEED").flatMap { UInt64(String(cString: $0)) } ?? UInt64.random(in: 0...UInt64.max)
        // An aborted process shows the last line only.
        print("CorpusTests.mutated: MODEL_SEED=\(seed)")
        var generator = SeededGenerator(seed: seed)
        let seeds = ChainFuzzInput.seeds.map(\.input.bytes)
        var completed = 0
        for _ in 0..<3000 {
            var bytes = seeds[Int.random(in: 0..<seeds.count, using: &generator)]
            for _ in 0..<Int.random(in: 1...8, using: &generator) {
                let at = Int.random(in: 0..<bytes.count, using: &generator)
                let extremes: [UInt8] = [0, 1, 0x7f, 0x80, 0xff, UInt8.random(in: 0...255, using: &generator)]
                bytes[at] = extremes[Int.random(in: 0..<6, using: &generator)]
            }
            if Bool.random(using: &generator) { bytes.removeLast(Int.random(in: 0..<bytes.count, using: &generator)) }
            if bytes.isEmpty { bytes = [0] }
            if Self.fuzz(bytes).completed > 0 { completed += 1 }
        }
        #expect(completed > 0)
        #expect(!Self.fuzz([]).isBroken)
    }
}
