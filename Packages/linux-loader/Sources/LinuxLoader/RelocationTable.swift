// SPDX-License-Identifier: Apache-2.0
internal import VMMemory

/// The table of addresses that Linux/x86 appends to the ELF in its payload, so that the kernel can run at another
/// virtual base than it was linked for.
///
/// Its words are 32 bits, the low half of a kernel address (the high half is all ones). From the front: a zero, the
/// places of 64-bit values; a zero, the places of 32-bit values that shrink as the kernel moves up (per-CPU offsets;
/// kernels since 6.15 have no such group, nor its zero); a zero, the places of 32-bit values. The kernel's own
/// decompressor (arch/x86/boot/compressed/misc.c) reads it from the end.
public struct RelocationTable: Sendable, Equatable {
    /// Where it starts in the file that holds the ELF.
    public let fileOffset: UInt64
    /// Its length in bytes, a multiple of 4.
    public let byteCount: UInt64
    /// The kernel's linked offset from `kernelMap`, which equals its physical address.
    public let linkedOffset: UInt64

    /// `__START_KERNEL_map`: where the kernel's image is mapped, 1 GiB of it with KASLR (`KERNEL_IMAGE_SIZE`).
    static let kernelMap: UInt64 = 0xffff_ffff_8000_0000
    static let kernelMapByteCount: UInt64 = 1 << 30
    /// Debian's has 0.8 MB; a table beyond this is not one.
    private static let largest: UInt64 = 64 << 20

    /// Looks for a table at `end` of the ELF; nil if what follows cannot be one.
    static func find(
        _ source: some ImageSource, behind end: UInt64, segments: [ELFImage.Segment]
    ) -> RelocationTable? {
        guard source.byteCount > end, let first = segments.first else { return nil }
        let byteCount = source.byteCount - end
        let linked = first.virtualAddress &- kernelMap
        guard byteCount >= 8, byteCount % 4 == 0, byteCount <= largest,
            linked == first.range.start.rawValue, linked < kernelMapByteCount,
            let word = try? source.fetch(.relocations, at: end, count: 4), word.u32(0) == 0
        else { return nil }
        return RelocationTable(fileOffset: end, byteCount: byteCount, linkedOffset: linked)
    }

    /// The groups of a table, each of them a range of word indices.
    struct Groups: Equatable {
        var add64: Range<Int>
        var subtract32: Range<Int>
        var add32: Range<Int>
    }

    /// Splits the words at their zeros; nil unless there are two or three, the first in front.
    static func groups(_ words: UnsafeBufferPointer<UInt32>) -> Groups? {
        var zeros: [Int] = []
        for index in words.indices where words[index] == 0 {
            guard zeros.count < 3 else { return nil }
            zeros.append(index)
        }
        guard zeros.first == 0 else { return nil }
        switch zeros.count {
        case 2: return Groups(add64: 1..<zeros[1], subtract32: 0..<0, add32: zeros[1] + 1..<words.count)
        case 3:
            return Groups(
                add64: 1..<zeros[1], subtract32: zeros[1] + 1..<zeros[2], add32: zeros[2] + 1..<words.count)
        default: return nil
        }
    }
}
