// SPDX-License-Identifier: Apache-2.0
internal import VMMemory

/// Where an x86_64 kernel's bytes go, and which entries it then has.
struct X86Placement {
    let segments: [BootPlan.Segment]
    /// The image with its BSS and all that `init_size` asks for.
    let range: GuestRange
    private let entry64: GuestAddress?
    private let pvhEntry: GuestAddress?
    private let hasSetupHeader: Bool

    init(_ kernel: KernelContents, options: BootOptions) throws(BootPlanError) {
        hasSetupHeader = kernel.setupHeader != nil
        switch kernel.image {
        case .elf(let image):
            segments = image.segments.map {
                BootPlan.Segment(fileOffset: $0.fileOffset, fileByteCount: $0.fileByteCount, range: $0.range)
            }
            // The kernel's early allocations (.brk) are in its segments; init_size covers what a packed one needs too.
            let byteCount = max(image.range.byteCount, kernel.setupHeader?.initByteCount ?? 0)
            range = try Self.range(image.range.start, byteCount: byteCount)
            entry64 = image.entry
            pvhEntry = image.pvhEntry
        case .bzImage(let image):
            let header = image.setupHeader
            let start = header.isRelocatable ? options.layout.bzImage : GuestAddress(0x10_0000)
            segments = [
                BootPlan.Segment(
                    fileOffset: image.codeOffset, fileByteCount: image.codeByteCount,
                    range: try Self.range(start, byteCount: image.codeByteCount))
            ]
            // boot.rst, init_size: memory is needed from the load address rounded up to kernel_alignment, and never
            // from below pref_address, for the decompressor moves itself there.
            let aligned = header.isRelocatable ? start.alignedUp(to: header.kernelAlignment) : start
            let runtime = max(aligned ?? start, GuestAddress(header.preferredAddress))
            guard let end = runtime.adding(header.initByteCount), let offset = end.offset(from: start) else {
                throw .doesNotFit(.kernel, byteCount: header.initByteCount, below: GuestAddress(.max))
            }
            range = try Self.range(start, byteCount: max(offset, image.codeByteCount))
            entry64 = start.adding(0x200)
            pvhEntry = nil
        case .arm64, .riscv64, .packed:
            throw .architecture(kernel.architecture)
        }
    }

    private static func range(_ start: GuestAddress, byteCount: UInt64) throws(BootPlanError) -> GuestRange {
        guard let range = GuestRange(start: start, byteCount: byteCount) else {
            throw .doesNotFit(.kernel, byteCount: byteCount, below: GuestAddress(.max))
        }
        return range
    }

    func entryPoint(_ wish: BootOptions.Entry, isRelocated: Bool) throws(BootPlanError) -> EntryPoint {
        switch wish {
        case .pvh:
            guard let pvhEntry else { throw .noSuchEntry(wish) }
            return .pvh32(pvhEntry)
        case .linux64:
            guard let entry64 else { throw .noSuchEntry(wish) }
            return .linux64(entry64)
        case .automatic:
            if let entry64, isRelocated || hasSetupHeader || pvhEntry == nil { return .linux64(entry64) }
            if let pvhEntry { return .pvh32(pvhEntry) }
            throw .noSuchEntry(wish)
        }
    }

    /// Whether the 64-bit entry exists, without which a relocated kernel cannot start.
    var has64BitEntry: Bool { entry64 != nil }
}

extension BootPlan {
    /// Picks a virtual base as the kernel's own decompressor does: any multiple of the alignment from the linked one up
    /// to where the image still ends within the 1 GiB that maps it.
    static func chooseBase(
        _ kernel: KernelContents, _ image: X86Placement, commandLine: CommandLine, options: BootOptions,
        using generator: inout some RandomNumberGenerator
    ) -> Relocation? {
        guard options.randomizesBase, options.entry != .pvh, image.has64BitEntry,
            case .elf(let elf) = kernel.image, let table = elf.relocations,
            kernel.setupHeader?.isRelocatable ?? true, !commandLine.containsKernelArgument("nokaslr")
        else { return nil }
        // Less than 2 MiB would not map: the kernel's early page tables use large pages.
        let alignment = max(kernel.setupHeader?.kernelAlignment ?? 0, 2 << 20)
        let (used, overflow) = table.linkedOffset.addingReportingOverflow(image.range.byteCount)
        guard !overflow, used <= RelocationTable.kernelMapByteCount else { return nil }
        let slots = (RelocationTable.kernelMapByteCount - used) / alignment + 1
        // One draw scaled down, since rejecting draws would loop for ever on a generator that is stuck; the bias of at
        // most 2^-54 is no help to anyone.
        return Relocation(table: table, offset: generator.next().multipliedFullWidth(by: slots).high * alignment)
    }
}
