// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import LinuxLoaderTestSupport
import Testing
import VMMemory

@Suite struct RelocationTests {
    /// 64-, inverse 32- and 32-bit values at 0, 8 and 16 of a segment at 16 MiB, and one more 64-bit value in the last
    /// 8 bytes of a second one.
    static func builder() -> ELFBuilder {
        var first = ImageBytes(count: 0x40)
        first.set(0xffff_ffff_8100_0020 as UInt64, at: 0)
        first.set(0x1000 as UInt32, at: 8)
        first.set(0x8100_0030 as UInt32, at: 16)
        var second = ImageBytes(count: 0x20)
        second.set(0xffff_ffff_8100_0000 as UInt64, at: 0x18)
        var builder = ELFBuilder(segments: [
            .init(address: 0x100_0000, bytes: first.bytes),
            .init(address: 0x120_0000, bytes: second.bytes, memoryByteCount: 0x1000),
        ])
        builder.notes = ELFBuilder.pvhNote(0x100_0010)
        builder.relocations = [0, 0x8100_0000, 0x8120_0018, 0, 0x8100_0008, 0, 0x8100_0010]
        return builder
    }

    private func load(
        _ builder: ELFBuilder, commandLine: String = "quiet", options: BootOptions = BootOptions(),
        random: UInt64 = .max
    ) throws -> Loaded {
        try Loaded(builder.build().bytes, commandLine: commandLine, options: options, random: random)
    }

    @Test("every kind of value moves by the offset, the inverse ones the other way")
    func applies() throws {
        let loaded = try load(Self.builder())
        let offset = try #require(loaded.plan.relocation).offset
        #expect(offset > 0 && offset % (2 << 20) == 0)
        #expect(try loaded.load(UInt64.self, at: 0x100_0000) == 0xffff_ffff_8100_0020 + offset)
        #expect(try loaded.load(UInt32.self, at: 0x100_0008) == 0x1000 &- UInt32(offset))
        #expect(try loaded.load(UInt32.self, at: 0x100_0010) == 0x8100_0030 + UInt32(offset))
        #expect(try loaded.load(UInt64.self, at: 0x120_0018) == 0xffff_ffff_8100_0000 + offset)
        // Neighbours stay.
        #expect(try loaded.load(UInt32.self, at: 0x100_0014) == 0)
        #expect(try loaded.load(UInt32.self, at: 0x100_000c) == 0)
    }

    @Test("a moved kernel is entered in 64-bit mode and told so; PVH's absolute addresses would miss")
    func entry() throws {
        let loaded = try load(Self.builder())
        #expect(loaded.plan.entryPoint == .linux64(address(0x100_0000)))
        #expect(try loaded.load(UInt8.self, at: 0x7211) == 3)
    }

    @Test("nokaslr, the option, the PVH entry or a header that says so keep the kernel as linked")
    func off() throws {
        var pvh = BootOptions()
        pvh.entry = .pvh
        var fixed = BootOptions()
        fixed.randomizesBase = false
        for loaded in [
            try load(Self.builder(), commandLine: "quiet nokaslr"),
            try load(Self.builder(), options: pvh),
            try load(Self.builder(), options: fixed),
        ] {
            #expect(loaded.plan.relocation == nil)
            #expect(loaded.plan.entryPoint == .pvh32(address(0x100_0010)))
            #expect(try loaded.load(UInt64.self, at: 0x100_0000) == 0xffff_ffff_8100_0020)
        }
        var image = BzImageBuilder(payload: Self.builder().build().bytes, unpackedByteCount: nil)
        #expect(try Loaded(image.build().bytes).plan.relocation != nil)
        let plain = try Loaded(image.build().bytes, commandLine: "nokaslr")
        #expect(plain.plan.entryPoint == .linux64(address(0x100_0000)))
        #expect(try plain.load(UInt8.self, at: 0x7211) == 1)
        image.isRelocatable = false
        #expect(try Loaded(image.build().bytes).plan.relocation == nil)
    }

    @Test("offsets cover the 1 GiB mapping in steps of the alignment, and the kernel always ends inside")
    func range() throws {
        // 16 MiB below the kernel and the kernel itself are not available.
        let builder = Self.builder()
        let highest = try #require(try load(builder, random: .max).plan.relocation)
        let last = try load(builder, random: .max).plan.kernelRange
        #expect(last.end.rawValue + highest.offset <= 1 << 30)
        #expect(last.end.rawValue + highest.offset + (2 << 20) > 1 << 30)
        #expect(try load(builder, random: 0).plan.relocation?.offset == 0)

        let kernel = try withBytes(builder.build().bytes) { try Kernel(bytes: $0) }
        let map = try MemoryMap.pc(ramByteCount: 32 << 20)
        let line = try CommandLine(parsing: "quiet")
        var generator = SplitMix64(seed: 3)
        var seen: Set<UInt64> = []
        for _ in 0..<2000 {
            let plan = try BootPlan.x86(kernel.contents, map: map, commandLine: line, using: &generator)
            seen.insert(try #require(plan.relocation).offset)
        }
        // 503 slots; 2,000 draws miss one of them with probability 0.019 each.
        #expect(seen.count > 470 && seen.count <= 503)
    }

    @Test("a larger kernel alignment of the header is kept")
    func alignment() throws {
        var image = BzImageBuilder(payload: Self.builder().build().bytes, unpackedByteCount: nil)
        image.kernelAlignment = 0x100_0000
        let offset = try #require(try Loaded(image.build().bytes, random: .max / 3).plan.relocation).offset
        #expect(offset > 0 && offset % 0x100_0000 == 0)
        image.kernelAlignment = 4096
        let small = try #require(try Loaded(image.build().bytes, random: .max / 3).plan.relocation).offset
        #expect(small > 0 && small % 0x20_0000 == 0)
    }

    @Test("the table of kernels since 6.15, without the inverse group, is understood")
    func twoGroups() throws {
        var builder = Self.builder()
        builder.relocations = [0, 0x8100_0000, 0, 0x8100_0010]
        let loaded = try load(builder)
        let offset = try #require(loaded.plan.relocation).offset
        #expect(try loaded.load(UInt64.self, at: 0x100_0000) == 0xffff_ffff_8100_0020 + offset)
        #expect(try loaded.load(UInt32.self, at: 0x100_0008) == 0x1000)
        #expect(try loaded.load(UInt32.self, at: 0x100_0010) == 0x8100_0030 + UInt32(offset))
    }

    @Test("empty groups are fine")
    func emptyGroups() throws {
        var builder = Self.builder()
        builder.relocations = [0, 0, 0, 0x8100_0010]
        let loaded = try load(builder)
        #expect(try loaded.load(UInt32.self, at: 0x100_0010) != 0x8100_0030)
        #expect(try loaded.load(UInt64.self, at: 0x100_0000) == 0xffff_ffff_8100_0020)
    }

    static let outsidePlaces: [([UInt32], UInt64)] = [
        ([0, 0, 0, 0x8100_003d], 0xffff_ffff_8100_003d),
        ([0, 0, 0x80ff_ffff, 0, 0x8100_0010], 0xffff_ffff_80ff_ffff),
        ([0, 0x8120_0019, 0, 0], 0xffff_ffff_8120_0019),
        ([0, 0x8120_0100, 0, 0], 0xffff_ffff_8120_0100),
        ([0, 0, 0, 1], 1),
        ([0, 0, 0, 0x7fff_ffff], 0x7fff_ffff),
        ([0, 0, 0, 0xffff_ffff], 0xffff_ffff_ffff_ffff),
    ]

    @Test("a place outside the loaded bytes, even in part, is refused", arguments: outsidePlaces)
    func outside(words: [UInt32], place: UInt64) {
        var builder = Self.builder()
        builder.relocations = words
        #expect(throws: KernelLoadError.relocationOutsideKernel(place)) { _ = try load(builder) }
    }

    @Test("the last bytes of a segment may be relocated")
    func lastBytes() throws {
        var builder = Self.builder()
        builder.relocations = [0, 0x8120_0018, 0, 0, 0x8100_003c]
        #expect(throws: Never.self) { _ = try load(builder) }
    }

    @Test(
        "one or more than three groups are refused",
        arguments: [
            [0, 0x8100_0000] as [UInt32], [0, 0, 0, 0, 0x8100_0010], [0, 1, 0, 1, 0, 1, 0, 1],
        ])
    func malformed(words: [UInt32]) {
        var builder = Self.builder()
        builder.relocations = words
        #expect(throws: KernelLoadError.malformedRelocations) { _ = try load(builder) }
    }

    @Test(
        "what cannot be a table is none",
        arguments: [
            [1, 0, 0x8100_0000] as [UInt32], [0],
        ])
    func noTable(words: [UInt32]) throws {
        var builder = Self.builder()
        builder.relocations = words
        #expect(try load(builder).plan.relocation == nil)
    }

    @Test("a table behind an executable that is not linked like Linux is not applied")
    func otherExecutables() throws {
        var builder = Self.builder()
        builder.segments[0].virtualAddress = 0x100_0000
        #expect(try load(builder).plan.relocation == nil)
        var arm = Self.builder()
        arm.machine = 183
        #expect(try ELFImageTests.image(arm.build().bytes).relocations == nil)
    }

    @Test("a relocated kernel that is read from a file equals one from memory")
    func file() throws {
        let bytes = Self.builder().build().bytes
        let kernel = try Kernel(file: temporaryFile(bytes))
        let map = try MemoryMap.pc(ramByteCount: 32 << 20)
        let memory = try GuestMemory.anonymous(map.ramRanges)
        var generator = FixedGenerator(value: .max)
        let plan = try BootPlan.x86(
            kernel.contents, map: map, commandLine: CommandLine(parsing: "quiet"), using: &generator)
        try kernel.load(plan, into: memory)
        let other = try load(Self.builder())
        #expect(try memory.load(UInt64.self, at: address(0x120_0018)) == other.load(UInt64.self, at: 0x120_0018))
    }
}
