// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import LinuxLoaderCompression
import LinuxLoaderTestSupport
import Testing
import VMMSysUtil
import VMMemory

@Suite struct DebianKernelTests {
    static let hasAMD64 = DebianKernels.cloud != nil && DebianKernels.standard != nil

    static func bytes(_ memory: GuestMemory, _ range: GuestRange) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: Int(range.byteCount))
        try bytes.withUnsafeMutableBytes { try memory.read(at: range.start, into: $0) }
        return bytes
    }

    struct Boot {
        let plan: BootPlan
        let memory: GuestMemory
    }

    /// One 128th of the way, the fourth slot of both ranges, which differ by init_size.
    struct Steady: RandomNumberGenerator {
        mutating func next() -> UInt64 { 1 << 57 }
    }

    static func boot(
        _ kernel: borrowing Kernel, _ commandLine: String,
        using source: some RandomNumberGenerator = SplitMix64(seed: 7)
    ) throws -> Boot {
        let map = try MemoryMap.pc(ramByteCount: 128 << 20)
        let memory = try GuestMemory.anonymous(map.ramRanges)
        var generator = source
        let plan = try BootPlan.x86(
            kernel.contents, map: map, commandLine: LinuxLoader.CommandLine(parsing: commandLine),
            initrdByteCount: 3 << 20, using: &generator)
        try kernel.load(plan, into: memory)
        return Boot(plan: plan, memory: memory)
    }

    @Test(
        "a stock amd64 kernel unpacks to an ELF with PVH entry and relocations and fits in 128 MiB",
        .enabled(if: hasAMD64, "\(DebianKernels.hint)"), arguments: [DebianKernels.cloud, DebianKernels.standard])
    func amd64(path: String?) throws {
        let kernel = try Kernel(
            file: FileDescriptor.open(try #require(path)), decompressor: KernelDecompressor())
        let contents = kernel.contents
        #expect(contents.versionString.contains("debian-kernel@lists.debian.org"))
        #expect(contents.setupHeader?.version == 0x20f)
        guard case .elf(let elf) = contents.image else { throw Unexpected() }
        #expect(elf.segments.count == 4)
        #expect(elf.entry == GuestAddress(0x100_0000))
        #expect(elf.pvhEntry != nil)
        #expect(try #require(elf.relocations).byteCount > 500_000)
        let boot = try Self.boot(kernel, "quiet")
        #expect(boot.plan.entryPoint == .linux64(GuestAddress(0x100_0000)))
        #expect(boot.plan.kernelRange.byteCount >= elf.range.byteCount)
    }

    @Test(
        "KASLR moves every pointer of the kernel's data by the offset, and nokaslr none",
        .enabled(if: hasAMD64, "\(DebianKernels.hint)"), arguments: [DebianKernels.cloud, DebianKernels.standard])
    func relocated(path: String?) throws {
        let kernel = try Kernel(
            file: FileDescriptor.open(try #require(path)), decompressor: KernelDecompressor())
        let plain = try Self.boot(kernel, "quiet nokaslr")
        let moved = try Self.boot(kernel, "quiet")
        #expect(plain.plan.relocation == nil)
        let offset = try #require(moved.plan.relocation).offset
        #expect(offset > 0)

        // The kernel's data segment is full of aligned 64-bit pointers into the kernel.
        let data = try #require(plain.plan.segments.dropFirst().first).range
        let before = try Self.bytes(plain.memory, data)
        let after = try Self.bytes(moved.memory, data)
        let linked = UInt64(0xffff_ffff_8100_0000)..<UInt64(0xffff_ffff_8100_0000) + plain.plan.kernelRange.byteCount
        var pointers = 0
        var followed = 0
        before.withUnsafeBytes { old in
            after.withUnsafeBytes { new in
                for position in stride(from: 0, to: old.count - 7, by: 8) {
                    let value = old.load(fromByteOffset: position, as: UInt64.self)
                    guard linked.contains(value) else { continue }
                    pointers += 1
                    if new.load(fromByteOffset: position, as: UInt64.self) == value &+ offset { followed += 1 }
                }
            }
        }
        #expect(pointers > 10_000)
        #expect(pointers == followed)
    }

    @Test(
        "an extracted vmlinux from a file loads byte for byte like the bzImage it came from, KASLR included",
        .enabled(if: DebianKernels.cloudELF != nil && hasAMD64, "\(DebianKernels.hint)"))
    func extracted() throws {
        let packed = try Kernel(
            file: FileDescriptor.open(try #require(DebianKernels.cloud)), decompressor: KernelDecompressor())
        let elf = try Kernel(file: FileDescriptor.open(try #require(DebianKernels.cloudELF)))
        let one = try Self.boot(packed, "quiet", using: Steady())
        let two = try Self.boot(elf, "quiet", using: Steady())
        #expect(try #require(one.plan.relocation).offset == 6 << 20)
        #expect(two.plan.relocation?.offset == 6 << 20)
        for segment in two.plan.segments {
            #expect(try Self.bytes(one.memory, segment.range) == Self.bytes(two.memory, segment.range))
        }
        let plain = try Self.boot(elf, "nokaslr")
        #expect(plain.plan.entryPoint.isPVH)
    }

    @Test(
        "without a decompressor the bzImage goes to 1 MiB whole and unpacks itself in the guest",
        .enabled(if: hasAMD64, "\(DebianKernels.hint)"))
    func inGuest() throws {
        let kernel = try Kernel(file: FileDescriptor.open(try #require(DebianKernels.cloud)))
        let boot = try Self.boot(kernel, "quiet")
        #expect(boot.plan.entryPoint == .linux64(GuestAddress(0x10_0200)))
        #expect(boot.plan.kernelRange.start == GuestAddress(0x10_0000))
        #expect(boot.plan.kernelRange.end > GuestAddress(0x400_0000))
    }

    @Test(
        "a stock kernel cut anywhere is refused with one line",
        .enabled(if: hasAMD64, "\(DebianKernels.hint)"), arguments: [DebianKernels.cloud, DebianKernels.standard])
    func truncated(path: String?) throws {
        let file = try FileDescriptor.open(try #require(path))
        let whole = try file.byteCount()
        var bytes = [UInt8](repeating: 0, count: Int(whole))
        try bytes.withUnsafeMutableBytes { try file.readAll(into: $0, atOffset: 0) }
        for count in [1, 0x1f1, 0x202, 0x268, 0x28f, 0x290, 4096, 20480, 20481, 1 << 20, Int(whole) - 4096] {
            do {
                _ = try bytes[..<count].withUnsafeBytes {
                    try Kernel(bytes: $0, decompressor: KernelDecompressor()).contents
                }
                Issue.record("\(count) bytes were accepted")
            } catch let error as KernelImageError {
                #expect(!error.description.contains("\n"))
            }
        }
    }

    @Test(
        "128 MiB is enough for a stock kernel and its initrd, 48 MiB says what is missing",
        .enabled(if: hasAMD64, "\(DebianKernels.hint)"))
    func small() throws {
        let kernel = try Kernel(
            file: FileDescriptor.open(try #require(DebianKernels.cloud)), decompressor: KernelDecompressor())
        var generator = SplitMix64(seed: 1)
        #expect(throws: BootPlanError.self) {
            _ = try BootPlan.x86(
                kernel.contents, map: .pc(ramByteCount: 48 << 20), commandLine: .init(), using: &generator)
        }
    }

    @Test("a stock arm64 kernel loads on any host", .enabled(if: DebianKernels.arm64 != nil, "\(DebianKernels.hint)"))
    func arm64() throws {
        let kernel = try Kernel(file: FileDescriptor.open(try #require(DebianKernels.arm64)))
        guard case .arm64(let image) = kernel.contents.image else { throw Unexpected() }
        #expect(image.memoryByteCount > image.fileByteCount)
        #expect(image.pageByteCount == 4096)
        let map = try MemoryMap(ramByteCount: 256 << 20, base: GuestAddress(0x8000_0000))
        let memory = try GuestMemory.anonymous(map.ramRanges)
        let plan = try BootPlan.deviceTree(
            kernel.contents, map: map, initrdByteCount: 3 << 20, deviceTreeByteCount: 64 << 10)
        try kernel.load(plan, into: memory)
        #expect(plan.entryPoint == .arm64(GuestAddress(0x8000_0000 + image.textOffset)))
        #expect(try memory.load(UInt32.self, at: GuestAddress(0x8000_0038 + image.textOffset)) == 0x644d_5241)
    }

    struct Unexpected: Error {}
}

extension EntryPoint {
    var isPVH: Bool { if case .pvh32 = self { true } else { false } }
}
