// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import LinuxLoaderCompression
import LinuxLoaderTestSupport
import Testing
import VMMSysUtil
import VMMemory

@Suite struct DebianKernelTests {
    @Test(
        "a stock amd64 kernel unpacks, plans with KASLR and loads",
        .enabled(if: DebianKernels.cloud != nil && DebianKernels.standard != nil, "\(DebianKernels.hint)"),
        arguments: [DebianKernels.cloud, DebianKernels.standard])
    func amd64(path: String?) throws {
        let file = try FileDescriptor.open(try #require(path))
        let kernel = try Kernel(file: file, decompressor: KernelDecompressor())
        let contents = kernel.contents
        #expect(contents.versionString.contains("debian-kernel@lists.debian.org"))
        guard case .elf(let elf) = contents.image else { throw Failure.notELF }
        #expect(elf.segments.count == 4)
        #expect(elf.entry == GuestAddress(0x100_0000))
        #expect(elf.pvhEntry != nil)
        let table = try #require(elf.relocations)
        #expect(table.byteCount > 500_000)

        let map = try MemoryMap.pc(ramByteCount: 128 << 20)
        let memory = try GuestMemory.anonymous(map.ramRanges)
        var generator = SplitMix64(seed: 7)
        let plan = try BootPlan.x86(
            contents, map: map, commandLine: CommandLine(parsing: "quiet"), initrdByteCount: 3 << 20,
            using: &generator)
        #expect(plan.entryPoint == .linux64(GuestAddress(0x100_0000)))
        #expect(plan.relocation != nil)
        try kernel.load(plan, into: memory)
    }

    enum Failure: Error { case notELF }
}
