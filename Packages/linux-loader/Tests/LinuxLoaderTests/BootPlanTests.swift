// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import LinuxLoaderTestSupport
import Testing
import VMMemory

@Suite struct BootPlanTests {
    static func plan(
        _ bytes: [UInt8], ramByteCount: UInt64 = 32 << 20, commandLine: String = "quiet",
        initrdByteCount: UInt64? = nil, options: BootOptions = BootOptions()
    ) throws -> BootPlan {
        let kernel = try withBytes(bytes) { try Kernel(bytes: $0) }
        var generator = SplitMix64(seed: 1)
        return try BootPlan.x86(
            kernel.contents, map: MemoryMap.pc(ramByteCount: ramByteCount),
            commandLine: CommandLine(parsing: commandLine, capacity: 4096), initrdByteCount: initrdByteCount,
            options: options, using: &generator)
    }

    static let pvhELF: [UInt8] = {
        var builder = ELFBuilder()
        builder.notes = ELFBuilder.pvhNote(0x100_0010)
        return builder.build().bytes
    }()

    static let plainBzImage = BzImageBuilder(payload: ELFBuilder().build().bytes, unpackedByteCount: nil).build().bytes

    @Test("an ELF with a PVH note is entered there, one without at its 64-bit entry")
    func entries() throws {
        #expect(try Self.plan(Self.pvhELF).entryPoint == .pvh32(address(0x100_0010)))
        #expect(try Self.plan(Self.pvhELF).parameters == address(0x6000))
        #expect(try Self.plan(ELFBuilder().build().bytes).entryPoint == .linux64(address(0x100_0000)))
        #expect(try Self.plan(ELFBuilder().build().bytes).parameters == address(0x7000))
        var options = BootOptions()
        options.entry = .linux64
        #expect(try Self.plan(Self.pvhELF, options: options).entryPoint == .linux64(address(0x100_0000)))
    }

    @Test("an entry that the kernel lacks is refused")
    func noEntry() throws {
        var options = BootOptions()
        options.entry = .pvh
        #expect(throws: BootPlanError.noSuchEntry(.pvh)) {
            _ = try Self.plan(ELFBuilder().build().bytes, options: options)
        }
        options.entry = .linux64
        var builder = ELFBuilder()
        builder.entry = 0
        builder.notes = ELFBuilder.pvhNote(0x100_0010)
        #expect(throws: BootPlanError.noSuchEntry(.linux64)) {
            _ = try Self.plan(builder.build().bytes, options: options)
        }
        #expect(try Self.plan(builder.build().bytes).entryPoint == .pvh32(address(0x100_0010)))
    }

    @Test("a kernel out of a bzImage keeps its header and claims init_size")
    func bzImage() throws {
        let plan = try Self.plan(Self.plainBzImage)
        #expect(plan.entryPoint == .linux64(address(0x100_0000)))
        #expect(plan.kernelRange == (try range(0x100_0000, 0x10_0000)))
    }

    @Test("a bzImage that unpacks itself goes to 1 MiB, with room up to where its kernel will run")
    func inGuest() throws {
        var builder = BzImageBuilder(payload: BzImageTests.packed, unpackedByteCount: nil)
        let plan = try Self.plan(builder.build().bytes)
        #expect(plan.entryPoint == .linux64(address(0x10_0200)))
        #expect(plan.kernelRange == (try range(0x10_0000, 0x100_0000)))
        #expect(plan.segments.map { $0.fileOffset } == [1024])
        #expect(plan.segments.map { $0.range } == [try range(0x10_0000, 16)])
        #expect(plan.relocation == nil)

        var options = BootOptions()
        options.layout.bzImage = address(0x110_0000)
        let high = try Self.plan(builder.build().bytes, options: options)
        #expect(high.kernelRange == (try range(0x110_0000, 0x20_0000)))
        #expect(high.entryPoint == .linux64(address(0x110_0200)))

        builder.isRelocatable = false
        builder.preferredAddress = 0x10_0000
        #expect(try Self.plan(builder.build().bytes, options: options).kernelRange == range(0x10_0000, 0x10_0000))
    }

    @Test("a kernel that ends with the memory fits, one byte more does not")
    func fits() throws {
        func elf(_ byteCount: UInt64) -> [UInt8] {
            ELFBuilder(segments: [.init(address: 0x100_0000, bytes: [0xf4], memoryByteCount: byteCount)]).build().bytes
        }
        #expect(try Self.plan(elf(16 << 20)).kernelRange.end == address(32 << 20))
        let over = try range(0x100_0000, (16 << 20) + 1)
        #expect(throws: BootPlanError.outsideMemory(.kernel, over)) { _ = try Self.plan(elf((16 << 20) + 1)) }
    }

    @Test(
        "a kernel in the hole, over the structures or at absurd addresses is refused",
        arguments: [
            0x9_f000, 0xa_0000, 0x7000, 0x2_0000, 0xc000_0000, 0xffff_ffff_ffff_ff00,
        ] as [UInt64])
    func misplaced(start: UInt64) {
        let bytes = ELFBuilder(segments: [.init(address: start, bytes: [UInt8](repeating: 0xf4, count: 4096 * 15 / 16))]
        )
        #expect(throws: (any Error).self) { _ = try Self.plan(bytes.build().bytes) }
    }

    @Test("init_size and pref_address at their limits are refused without a trap")
    func absurdHeader() {
        var builder = BzImageBuilder(payload: BzImageTests.packed, unpackedByteCount: nil)
        builder.initByteCount = .max
        builder.preferredAddress = .max
        builder.kernelAlignment = 0x8000_0000
        #expect(throws: BootPlanError.self) { _ = try Self.plan(builder.build().bytes) }
    }

    @Test("reserved ranges stay free")
    func reserved() throws {
        var options = BootOptions()
        options.reserved = [try range(0x100_0020, 16)]
        #expect(throws: BootPlanError.overlap(.kernel, .reserved, at: address(0x100_0020))) {
            _ = try Self.plan(Self.pvhELF, options: options)
        }
        options.reserved = [try range(0x1f0_0000, 0x10_0000)]
        #expect(try Self.plan(Self.pvhELF, initrdByteCount: 4096, options: options).initrd == range(0x1ef_f000, 4096))
    }

    @Test("the initrd goes to the top of low memory, page aligned")
    func initrd() throws {
        #expect(try Self.plan(Self.pvhELF, initrdByteCount: 5000).initrd == range(0x1ff_e000, 5000))
        #expect(try Self.plan(Self.pvhELF).initrd == nil)
        #expect(throws: BootPlanError.emptyInitrd) { _ = try Self.plan(Self.pvhELF, initrdByteCount: 0) }
    }

    @Test("the initrd stays below 2 GiB or what the header says, even with memory above 4 GiB")
    func initrdLimit() throws {
        let plan = try Self.plan(Self.pvhELF, ramByteCount: 5 << 30, initrdByteCount: 4096)
        #expect(plan.initrd == (try range(0x7fff_f000, 4096)))
        var builder = BzImageBuilder(payload: ELFBuilder().build().bytes, unpackedByteCount: nil)
        builder.initrdAddressMax = 0x37ff_ffff
        #expect(
            try Self.plan(builder.build().bytes, ramByteCount: 5 << 30, initrdByteCount: 4096).initrd
                == range(0x37ff_f000, 4096))
        builder.initrdAddressMax = .max
        #expect(
            try Self.plan(builder.build().bytes, ramByteCount: 5 << 30, initrdByteCount: 4096).initrd
                == range((3 << 30) - 4096, 4096))
    }

    @Test("an initrd that does not fit beside the kernel goes below it, or is refused")
    func initrdAround() throws {
        // The kernel fills 16 to 32 MiB less a page.
        let builder = ELFBuilder(segments: [.init(address: 0x100_0000, bytes: [0xf4], memoryByteCount: 0xff_f000)])
        let bytes = builder.build().bytes
        #expect(try Self.plan(bytes, initrdByteCount: 4096).initrd == range(0x1ff_f000, 4096))
        #expect(try Self.plan(bytes, initrdByteCount: 4097).initrd == range(0xff_e000, 4097))
        #expect(throws: BootPlanError.doesNotFit(.initrd, byteCount: 16 << 20, below: address(0x8000_0000))) {
            _ = try Self.plan(bytes, initrdByteCount: 16 << 20)
        }
        #expect(throws: BootPlanError.self) { _ = try Self.plan(bytes, initrdByteCount: .max) }
    }

    @Test("init_size keeps the initrd away from where a packed kernel will run")
    func initrdAndInitSize() throws {
        var builder = BzImageBuilder(payload: BzImageTests.packed, unpackedByteCount: nil)
        builder.initByteCount = 0xff_f000
        #expect(try Self.plan(builder.build().bytes, initrdByteCount: 4096).initrd == range(0x1ff_f000, 4096))
        // Nothing is left above, nor between 1 MiB and the end of the kernel.
        #expect(try Self.plan(builder.build().bytes, initrdByteCount: 8192).initrd == range(0x9_d000, 8192))
    }

    @Test("a command line longer than the kernel reads is refused, one that just fits is not")
    func commandLine() throws {
        let longest = String(repeating: "a", count: 2047)
        #expect(try Self.plan(Self.pvhELF, commandLine: longest).structures.first?.bytes.count == 2048)
        #expect(throws: BootPlanError.commandLineTooLong(byteCount: 2048, limit: 2047)) {
            _ = try Self.plan(Self.pvhELF, commandLine: longest + "a")
        }
        var builder = BzImageBuilder(payload: ELFBuilder().build().bytes, unpackedByteCount: nil)
        builder.commandLineByteCount = 5
        #expect(throws: BootPlanError.commandLineTooLong(byteCount: 6, limit: 5)) {
            _ = try Self.plan(builder.build().bytes, commandLine: "abcdef")
        }
        #expect(throws: BootPlanError.commandLine(.onlyInitArguments)) {
            _ = try Self.plan(Self.pvhELF, commandLine: "-- sh")
        }
    }

    @Test("structures may end with the memory, and not one byte later")
    func lastBytes() throws {
        let elf = ELFBuilder(segments: [.init(address: 0x40_0000, bytes: [0xf4])]).build().bytes
        var options = BootOptions()
        options.layout.commandLine = address((8 << 20) - 6)
        options.layout.zeroPage = address((8 << 20) - 0x2000)
        #expect(throws: Never.self) { _ = try Self.plan(elf, ramByteCount: 8 << 20, options: options) }
        #expect(throws: BootPlanError.outsideMemory(.commandLine, try range((8 << 20) - 6, 7))) {
            _ = try Self.plan(elf, ramByteCount: 8 << 20, commandLine: "quiet2", options: options)
        }
        options.layout.commandLine = address(0x2_0000)
        options.layout.zeroPage = address((8 << 20) - 0x1000)
        #expect(throws: Never.self) { _ = try Self.plan(elf, ramByteCount: 8 << 20, options: options) }
        options.layout.zeroPage = address((8 << 20) - 0xfff)
        #expect(throws: BootPlanError.outsideMemory(.zeroPage, try range((8 << 20) - 0xfff, 0x1000))) {
            _ = try Self.plan(elf, ramByteCount: 8 << 20, options: options)
        }
        options.layout.zeroPage = address(.max)
        #expect(throws: BootPlanError.self) { _ = try Self.plan(elf, ramByteCount: 8 << 20, options: options) }
    }

    @Test("a kernel goes above 4 GiB only if its header allows")
    func above4G() throws {
        var builder = BzImageBuilder(payload: BzImageTests.packed, unpackedByteCount: nil)
        var options = BootOptions()
        options.layout.bzImage = address(0x1_0000_0000)
        let limit = BootPlanError.doesNotFit(.kernel, byteCount: 0x10_0000, below: address(1 << 32))
        #expect(throws: limit) { _ = try Self.plan(builder.build().bytes, ramByteCount: 5 << 30, options: options) }
        builder.extendedLoadFlags = 3
        let plan = try Self.plan(builder.build().bytes, ramByteCount: 5 << 30, options: options)
        #expect(plan.entryPoint == .linux64(address(0x1_0000_0200)))
    }
}
