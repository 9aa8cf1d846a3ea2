// SPDX-License-Identifier: Apache-2.0
internal import VMMemory

extension ELFImage {
    /// `XEN_ELFNOTE_PHYS32_ENTRY` of xen/include/public/elfnote.h, owner "Xen".
    private static let pvhNoteType: UInt32 = 18
    /// vmlinux has about 500 bytes of notes; the bound keeps a hostile file from making us read it whole.
    private static let largestNoteSegment: UInt64 = 64 << 10

    /// Finds the PVH entry in the `PT_NOTE` segments.
    static func pvhEntry(
        _ source: some ImageSource, _ table: Fields, segments: [Segment]
    ) throws(KernelImageError) -> GuestAddress? {
        for index in 0..<table.count / 56 where table.u32(index * 56) == 4 {  // PT_NOTE
            let offset = table.u64(index * 56 + 8)
            let byteCount = table.u64(index * 56 + 32)
            try source.check(.noteSegment, at: offset, count: byteCount)
            guard byteCount <= largestNoteSegment, let count = Int(exactly: byteCount) else {
                throw .malformedNote(offset: offset)
            }
            let notes = try source.fetch(.noteSegment, at: offset, count: count)
            if let entry = try pvhEntry(notes, at: offset) {
                guard segments.contains(where: { $0.range.contains(entry) }) else { throw .malformedPVHNote }
                return entry
            }
        }
        return nil
    }

    /// Walks notes: name size, descriptor size, type, then both, each padded to 4 bytes whatever `p_align` says,
    /// which is what Linux writes and reads.
    private static func pvhEntry(_ notes: Fields, at offset: UInt64) throws(KernelImageError) -> GuestAddress? {
        var position = 0
        while notes.count - position >= 12 {
            let nameCount = Int(notes.u32(position))
            let descriptorCount = Int(notes.u32(position + 4))
            let descriptor = position + 12 + (nameCount + 3) & ~3
            guard nameCount <= notes.count, descriptorCount <= notes.count,
                descriptor + descriptorCount <= notes.count
            else { throw .malformedNote(offset: offset &+ UInt64(position)) }
            let isXen = nameCount == 4 && notes.u32(position + 12) == 0x006e_6558  // "Xen\0"
            if isXen, notes.u32(position + 8) == pvhNoteType {
                // 64-bit kernels write 8 bytes; the address still has to fit in 32.
                switch descriptorCount {
                case 4: return GuestAddress(UInt64(notes.u32(descriptor)))
                case 8:
                    guard notes.u32(descriptor + 4) == 0 else { throw .malformedPVHNote }
                    return GuestAddress(UInt64(notes.u32(descriptor)))
                default: throw .malformedPVHNote
                }
            }
            position = descriptor + (descriptorCount + 3) & ~3
        }
        return nil
    }
}
