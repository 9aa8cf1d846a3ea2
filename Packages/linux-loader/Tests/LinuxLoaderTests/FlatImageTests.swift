// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import LinuxLoaderTestSupport
import Testing
import VMMemory

@Suite struct FlatImageTests {
    static func arm64(_ file: ImageBytes) throws -> ARM64Image {
        guard case .arm64(let image) = try parse(file.bytes) else { throw Missing() }
        return image
    }

    static func riscv64(_ file: ImageBytes) throws -> RISCV64Image {
        guard case .riscv64(let image) = try parse(file.bytes) else { throw Missing() }
        return image
    }

    @Test("an arm64 Image's offset, size and flags come out")
    func arm64() throws {
        let image = try Self.arm64(FlatImageBuilder.arm64(textOffset: 0x1000, imageByteCount: 0x2000, flags: 0b1010))
        #expect(image.textOffset == 0x1000)
        #expect(image.memoryByteCount == 0x2000)
        #expect(image.fileByteCount == 4096)
        #expect(image.pageByteCount == 4096)
        #expect(image.canBeAnywhere)
    }

    @Test(
        "the page size follows from flag bits 1 and 2",
        arguments: [
            (0 as UInt64, nil as Int?), (2, 4096), (4, 16384), (6, 65536),
        ])
    func pageSize(flags: UInt64, expected: Int?) throws {
        let image = try Self.arm64(FlatImageBuilder.arm64(flags: flags))
        #expect(image.pageByteCount == expected)
        #expect(!image.canBeAnywhere)
    }

    @Test("image_size 0 means text offset 0x80000 and the file's own size")
    func sizeZero() throws {
        let image = try Self.arm64(FlatImageBuilder.arm64(textOffset: 0x12345, imageByteCount: 0))
        #expect(image.textOffset == 0x8_0000)
        #expect(image.memoryByteCount == 4096)
    }

    @Test("the memory is never less than the file")
    func smallSize() throws {
        #expect(try Self.arm64(FlatImageBuilder.arm64(imageByteCount: 1)).memoryByteCount == 4096)
        #expect(try Self.riscv64(FlatImageBuilder.riscv64(imageByteCount: 1)).memoryByteCount == 4096)
    }

    @Test("a riscv64 Image's offset, size and version come out")
    func riscv64() throws {
        let image = try Self.riscv64(FlatImageBuilder.riscv64())
        #expect(image.textOffset == 0x20_0000)
        #expect(image.memoryByteCount == 0x1_0000)
        #expect(image.headerVersion == 2)
    }

    @Test("big-endian images, absurd sizes and the old magic alone are refused")
    func refused() {
        let rows: [(ImageBytes, KernelImageError)] = [
            (FlatImageBuilder.arm64(flags: 1), .bigEndian(.arm64)),
            (FlatImageBuilder.riscv64(flags: 1), .bigEndian(.riscv64)),
            (FlatImageBuilder.arm64(textOffset: .max), .imageSize(.arm64, .max)),
            (FlatImageBuilder.arm64(imageByteCount: .max), .imageSize(.arm64, .max)),
            (FlatImageBuilder.riscv64(textOffset: 1 << 40), .imageSize(.riscv64, 1 << 40)),
            (FlatImageBuilder.riscv64(imageByteCount: 0), .imageSize(.riscv64, 0)),
        ]
        for (file, error) in rows { #expect(throws: error) { _ = try parse(file.bytes) } }
        var old = FlatImageBuilder.riscv64()
        old.set(0 as UInt32, at: 56)
        #expect(throws: KernelImageError.unknownFormat) { _ = try parse(old.bytes) }
    }

    @Test("every prefix shorter than the header is refused")
    func truncation() {
        for whole in [FlatImageBuilder.arm64().bytes, FlatImageBuilder.riscv64().bytes] {
            for count in 0..<64 {
                #expect(throws: KernelImageError.self, "\(count) bytes") { _ = try parse(Array(whole[..<count])) }
            }
        }
    }

    static let images: [(ImageBytes, UInt64)] = [
        (FlatImageBuilder.arm64(textOffset: 0, imageByteCount: 0x3000), 0x8020_0000),
        (FlatImageBuilder.arm64(textOffset: 0x8_0000, imageByteCount: 0x3000), 0x8028_0000),
        (FlatImageBuilder.riscv64(textOffset: 0x20_0000, imageByteCount: 0x3000), 0x8040_0000),
    ]

    @Test(
        "each Image is placed at its offset from the lowest 2 MiB aligned memory, and its BSS is zeroed",
        arguments: images)
    func placed(file: ImageBytes, start: UInt64) throws {
        let map = try MemoryMap(ramByteCount: 16 << 20, base: address(0x8000_1000))
        let memory = try GuestMemory.anonymous(map.ramRanges)
        for range in map.ramRanges { try memory.fill(0xa5, at: range.start, byteCount: range.byteCount) }
        let kernel = try withBytes(file.bytes) { try Kernel(bytes: $0) }
        let plan = try BootPlan.deviceTree(
            kernel.contents, map: map, initrdByteCount: 8192, deviceTreeByteCount: 0x1_0000)
        try kernel.load(plan, into: memory)
        #expect(plan.entryPoint.address == address(start))
        #expect(plan.kernelRange == (try range(start, 0x3000)))
        #expect(try memory.load(UInt32.self, at: address(start + 56)) != 0)
        #expect(try memory.load(UInt64.self, at: address(start + 0x1000)) == 0)
        #expect(try memory.load(UInt64.self, at: address(start + 0x2ff8)) == 0)
        #expect(try memory.load(UInt64.self, at: address(start + 0x3000)) == 0xa5a5_a5a5_a5a5_a5a5)
        let tree = try #require(plan.deviceTree)
        let initrd = try #require(plan.initrd)
        #expect(tree.start.isAligned(to: 2 << 20))
        #expect(plan.parameters == tree.start)
        #expect(!tree.overlaps(initrd) && !tree.overlaps(plan.kernelRange) && !initrd.overlaps(plan.kernelRange))
    }

    @Test("the entry's kind follows the processor")
    func entryKind() throws {
        let map = try MemoryMap(ramByteCount: 16 << 20)
        let arm = try withBytes(FlatImageBuilder.arm64().bytes) { try Kernel(bytes: $0) }
        #expect(
            try BootPlan.deviceTree(arm.contents, map: map, deviceTreeByteCount: 64).entryPoint == .arm64(address(0)))
        let riscv = try withBytes(FlatImageBuilder.riscv64().bytes) { try Kernel(bytes: $0) }
        let plan = try BootPlan.deviceTree(riscv.contents, map: map, deviceTreeByteCount: 64)
        #expect(plan.entryPoint == .riscv64(address(0x20_0000)))
    }

    @Test("a memory too small, a device tree too large and the wrong planner are refused")
    func refusedPlans() throws {
        let map = try MemoryMap(ramByteCount: 4 << 20)
        let big = try withBytes(FlatImageBuilder.arm64(imageByteCount: 5 << 20).bytes) { try Kernel(bytes: $0) }
        #expect(throws: BootPlanError.doesNotFit(.kernel, byteCount: 5 << 20, below: address(4 << 20))) {
            _ = try BootPlan.deviceTree(big.contents, map: map, deviceTreeByteCount: 64)
        }
        let kernel = try withBytes(FlatImageBuilder.arm64().bytes) { try Kernel(bytes: $0) }
        #expect(throws: BootPlanError.self) {
            _ = try BootPlan.deviceTree(kernel.contents, map: map, deviceTreeByteCount: (2 << 20) + 1)
        }
        #expect(throws: BootPlanError.emptyInitrd) {
            _ = try BootPlan.deviceTree(kernel.contents, map: map, initrdByteCount: 0, deviceTreeByteCount: 64)
        }
        #expect(throws: BootPlanError.architecture(.arm64)) {
            var generator = SplitMix64(seed: 1)
            _ = try BootPlan.x86(kernel.contents, map: map, commandLine: CommandLine(), using: &generator)
        }
        let x86 = try withBytes(ELFBuilder().build().bytes) { try Kernel(bytes: $0) }
        #expect(throws: BootPlanError.architecture(.x86_64)) {
            _ = try BootPlan.deviceTree(x86.contents, map: map, deviceTreeByteCount: 64)
        }
    }
}
