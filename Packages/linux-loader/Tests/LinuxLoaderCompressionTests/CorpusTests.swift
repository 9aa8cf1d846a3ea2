// SPDX-License-Identifier: Apache-2.0
import Glibc
import LinuxLoader
import LinuxLoaderCompression
import LinuxLoaderTestSupport
import Testing
import VMMSysUtil
import VMMemory

@Suite struct CorpusTests {
    /// `Corpus/kernel-image` beside `Tests`.
    static let folder: String = {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        return parts.joined(separator: "/") + "/Corpus/kernel-image"
    }()

    static func read(_ name: String) -> [UInt8]? {
        guard let file = fopen(folder + "/" + name, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes.prefix(count))
    }

    static func names() -> [String] { Folder.names(folder).filter { !$0.hasPrefix(".") } }

    static func fuzz(_ bytes: [UInt8]) { bytes.withUnsafeBytes { fuzzKernelImage($0) } }

    @Test("the seeds on disk are those of the test support (UPDATE_CORPUS=1 writes them)")
    func seedsOnDisk() throws {
        for seed in KernelSeeds.all + KernelSeeds.hostile {
            if getenv("UPDATE_CORPUS") != nil {
                let file = try #require(fopen(Self.folder + "/" + seed.name, "w"))
                fwrite(seed.bytes, 1, seed.bytes.count, file)
                fclose(file)
            }
            #expect(Self.read(seed.name) == seed.bytes, "\(seed.name)")
        }
    }

    @Test("every seed is a kernel that loads", arguments: KernelSeeds.all.map(\.name))
    func seedLoads(name: String) throws {
        let bytes = try #require(KernelSeeds.all.first { $0.name == name }).bytes
        try bytes.withUnsafeBytes { try openFuzzedKernel($0, decompressor: KernelDecompressor()) }
    }

    @Test("every hostile seed is refused", arguments: KernelSeeds.hostile.map(\.name))
    func hostileSeed(name: String) throws {
        let bytes = try #require(KernelSeeds.hostile.first { $0.name == name }).bytes
        #expect(throws: (any Error).self) { try Self.bootAsLinux(bytes) }
    }

    /// Opens, plans with KASLR and loads; throws at the first thing that is wrong.
    private static func bootAsLinux(_ bytes: [UInt8]) throws {
        let limits = KernelLimits(unpackedByteCount: 16 << 20)
        let kernel = try Kernel(file: temporaryKernel(bytes), decompressor: KernelDecompressor(), limits: limits)
        let map = try MemoryMap.pc(ramByteCount: 64 << 20)
        guard kernel.contents.architecture == .x86_64 else {
            _ = try BootPlan.deviceTree(kernel.contents, map: map, deviceTreeByteCount: 4096)
            return
        }
        var generator = DebianKernelTests.Steady()
        let plan = try BootPlan.x86(
            kernel.contents, map: map, commandLine: LinuxLoader.CommandLine(parsing: "quiet"), using: &generator)
        try kernel.load(plan, into: GuestMemory.anonymous(map.ramRanges))
    }

    private static func temporaryKernel(_ bytes: [UInt8]) throws -> FileDescriptor {
        let file = try FileDescriptor.temporaryFile()
        try bytes.withUnsafeBytes { try file.writeAll(from: $0) }
        return file
    }

    @Test("the whole corpus is replayed")
    func replay() throws {
        let names = Self.names()
        #expect(names.count >= KernelSeeds.all.count + KernelSeeds.hostile.count)
        for name in names { Self.fuzz(try #require(Self.read(name), "\(name)")) }
    }

    @Test("seeds with bytes changed, cut and added end as well; the seed is printed when they do not")
    func mutated() {
        let seed = getenv("MODEL_SEED").flatMap { UInt64(String(cString: $0)) } ?? UInt64.random(in: 0...UInt64.max)
        // An aborted process shows the last line only.
        print("CorpusTests.mutated: MODEL_SEED=\(seed)")
        var generator = SplitMix64(seed: seed)
        let seeds = KernelSeeds.all + KernelSeeds.hostile
        for _ in 0..<3000 {
            var bytes = seeds[Int.random(in: 0..<seeds.count, using: &generator)].bytes
            for _ in 0..<Int.random(in: 1...8, using: &generator) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &generator)
                switch Int.random(in: 0..<5, using: &generator) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &generator)
                case 1: bytes[index] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
                case 2: bytes.removeLast(bytes.count - index)
                case 3: bytes.append(contentsOf: bytes[index...].prefix(64))
                default:
                    let end = min(bytes.count, index + 8)
                    let value: UInt8 = Bool.random(using: &generator) ? 0xff : 0
                    for position in index..<end { bytes[position] = value }
                }
            }
            Self.fuzz(bytes)
        }
    }
}
