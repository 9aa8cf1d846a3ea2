// SPDX-License-Identifier: Apache-2.0
public import VMMemory

extension BootPlan {
    /// Plans the boot of an arm64 or riscv64 kernel, which gets a device tree instead of a zero page.
    ///
    /// The device tree names the command line and the initrd's place, so the caller writes it to `deviceTree` after
    /// planning.
    /// - Parameters:
    ///   - kernel: an arm64 or riscv64 `Image`.
    ///   - map: the machine's memory.
    ///   - initrdByteCount: the initrd's size; nil for none.
    ///   - deviceTreeByteCount: room for the device tree; at most 2 MiB (booting.rst, section 2).
    ///   - reserved: ranges to leave free, such as a device's window in RAM.
    public static func deviceTree(
        _ kernel: KernelContents, map: MemoryMap, initrdByteCount: UInt64? = nil, deviceTreeByteCount: UInt64,
        reserved: [GuestRange] = []
    ) throws(BootPlanError) -> BootPlan {
        guard kernel.architecture != .x86_64 else { throw .architecture(kernel.architecture) }
        let (segments, kernelRange, entry) = try place(kernel, map)
        var claims = Claims(map, reserved: reserved)
        try claims.claim(.kernel, kernelRange, at: kernelRange.start)

        guard deviceTreeByteCount > 0, deviceTreeByteCount <= 2 << 20 else {
            throw .doesNotFit(.deviceTree, byteCount: deviceTreeByteCount, below: kernelRange.start)
        }
        // booting.rst, section 3: kernel and initrd lie within one 1 GiB aligned window of 32 GiB.
        let end = GuestAddress(kernelRange.start.alignedDown(to: 1 << 30).rawValue &+ (32 << 30))
        // The tree may not cross a 2 MiB border, since the kernel maps it in such blocks.
        let tree = try claims.place(.deviceTree, byteCount: deviceTreeByteCount, alignment: 2 << 20, below: end)
        var initrd: GuestRange?
        if let initrdByteCount {
            guard initrdByteCount > 0 else { throw .emptyInitrd }
            initrd = try claims.place(.initrd, byteCount: initrdByteCount, alignment: 4096, below: end)
        }
        return BootPlan(
            entryPoint: kernel.architecture == .arm64 ? .arm64(entry) : .riscv64(entry), parameters: tree.start,
            kernelRange: kernelRange, segments: segments, initrd: initrd, deviceTree: tree, structures: [],
            relocation: nil)
    }

    private static func place(
        _ kernel: KernelContents, _ map: MemoryMap
    ) throws(BootPlanError) -> ([Segment], GuestRange, GuestAddress) {
        switch kernel.image {
        case .elf(let image):
            guard let entry = image.entry else { throw .noSuchEntry(.automatic) }
            let segments = image.segments.map {
                Segment(fileOffset: $0.fileOffset, fileByteCount: $0.fileByteCount, range: $0.range)
            }
            return (segments, image.range, entry)
        case .arm64(let image):
            return try flat(map, image.textOffset, file: image.fileByteCount, memory: image.memoryByteCount)
        case .riscv64(let image):
            return try flat(map, image.textOffset, file: image.fileByteCount, memory: image.memoryByteCount)
        case .bzImage, .packed:
            throw .architecture(kernel.architecture)
        }
    }

    /// At the lowest 2 MiB aligned base with memory, plus the text offset.
    private static func flat(
        _ map: MemoryMap, _ textOffset: UInt64, file: UInt64, memory: UInt64
    ) throws(BootPlanError) -> ([Segment], GuestRange, GuestAddress) {
        for ram in map.ramRanges {
            guard let start = ram.start.alignedUp(to: 2 << 20)?.adding(textOffset),
                let range = GuestRange(start: start, byteCount: memory), map.isRAM(range)
            else { continue }
            return ([Segment(fileOffset: 0, fileByteCount: file, range: range)], range, start)
        }
        throw .doesNotFit(.kernel, byteCount: memory, below: map.ramRanges.last?.end ?? GuestAddress(0))
    }
}
