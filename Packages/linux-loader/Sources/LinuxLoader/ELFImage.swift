// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// A 64-bit little-endian ELF executable, checked: segments lie in the file, do not overlap, and hold the entries.
public struct ELFImage: Sendable, Equatable {
    /// One `PT_LOAD` segment that occupies memory. Bytes past `fileByteCount` are zero.
    public struct Segment: Sendable, Equatable {
        /// Where its bytes are in the file.
        public let fileOffset: UInt64
        /// How many bytes come from the file.
        public let fileByteCount: UInt64
        /// Where it goes (`p_paddr`), with its whole length (`p_memsz`).
        public let range: GuestRange
        /// The address it was linked at (`p_vaddr`).
        public let virtualAddress: UInt64
    }

    /// The processor, from `e_machine`.
    public let architecture: Architecture
    /// Segments in ascending order of address; never empty.
    public let segments: [Segment]
    /// The physical address of `e_entry`; nil if only a PVH entry is usable.
    public let entry: GuestAddress?
    /// The 32-bit entry of the PVH note, if there is one (x86_64 only).
    public let pvhEntry: GuestAddress?
    /// From the lowest to the highest byte that the segments occupy.
    public let range: GuestRange
    /// The KASLR table behind the ELF, if the file has one.
    public let relocations: RelocationTable?

    /// `e_machine`: EM_X86_64, EM_AARCH64, EM_RISCV.
    private static let machines: [UInt16: Architecture] = [62: .x86_64, 183: .arm64, 243: .riscv64]

    init(_ source: some ImageSource, limits: KernelLimits) throws(KernelImageError) {
        let header = try source.fetch(.elfHeader, at: 0, count: 64)
        architecture = try Self.checkIdentity(header)
        let table = try Self.programHeaders(source, header, limits: limits)

        var found: [Segment] = []
        for index in 0..<table.count / 56 where table.u32(index * 56) == 1 {  // PT_LOAD
            if let segment = try Self.segment(source, table, index: index) {
                try Self.insert(segment, index: index, into: &found)
            }
        }
        guard let first = found.first, let last = found.last,
            let byteCount = last.range.end.offset(from: first.range.start),
            let whole = GuestRange(start: first.range.start, byteCount: byteCount)
        else { throw .noLoadableSegment }
        segments = found
        range = whole

        pvhEntry = architecture == .x86_64 ? try Self.pvhEntry(source, table, segments: found) : nil
        entry = Self.physicalEntry(header.u64(24), segments: found)
        guard entry != nil || pvhEntry != nil else { throw .entryOutsideSegments(header.u64(24)) }
        relocations =
            architecture == .x86_64
            ? RelocationTable.find(source, behind: Self.fileEnd(header, table), segments: found) : nil
    }

    private static func checkIdentity(_ header: Fields) throws(KernelImageError) -> Architecture {
        guard header.u8(4) == 2 else { throw .elfClass(header.u8(4)) }
        guard header.u8(5) == 1 else { throw .elfByteOrder(header.u8(5)) }
        guard header.u8(6) == 1 else { throw .elfVersion(UInt32(header.u8(6))) }
        guard header.u32(20) == 1 else { throw .elfVersion(header.u32(20)) }
        // ET_EXEC, or ET_DYN for unikernels that are linked as PIE.
        guard [2, 3].contains(header.u16(16)) else { throw .elfType(header.u16(16)) }
        guard let architecture = machines[header.u16(18)] else { throw .elfMachine(header.u16(18)) }
        return architecture
    }

    private static func programHeaders(
        _ source: some ImageSource, _ header: Fields, limits: KernelLimits
    ) throws(KernelImageError) -> Fields {
        let count = Int(header.u16(56))
        guard header.u16(54) == 56 else { throw .elfProgramHeaderSize(header.u16(54)) }
        // PN_XNUM (0xffff, the count elsewhere) is far beyond any limit, so it needs no case of its own.
        guard count > 0, count <= limits.programHeaders else {
            throw .elfProgramHeaderCount(count, limit: limits.programHeaders)
        }
        guard header.u64(32) >= 64 else { throw .elfProgramHeaderOffset(header.u64(32)) }
        return try source.fetch(.programHeaders, at: header.u64(32), count: count * 56)
    }

    private static func segment(
        _ source: some ImageSource, _ table: Fields, index: Int
    ) throws(KernelImageError) -> Segment? {
        let base = index * 56
        let offset = table.u64(base + 8)
        let virtualAddress = table.u64(base + 16)
        let address = table.u64(base + 24)
        let fileByteCount = table.u64(base + 32)
        let memoryByteCount = table.u64(base + 40)
        guard fileByteCount <= memoryByteCount else {
            throw .segmentFileLargerThanMemory(index: index, file: fileByteCount, memory: memoryByteCount)
        }
        guard memoryByteCount > 0 else { return nil }
        try source.check(.segment, at: offset, count: fileByteCount)
        guard let range = GuestRange(start: GuestAddress(address), byteCount: memoryByteCount) else {
            throw .segmentAddressOverflow(index: index, address: address, byteCount: memoryByteCount)
        }
        return Segment(
            fileOffset: offset, fileByteCount: fileByteCount, range: range, virtualAddress: virtualAddress)
    }

    private static func insert(
        _ segment: Segment, index: Int, into segments: inout [Segment]
    ) throws(KernelImageError) {
        if let other = segments.firstIndex(where: { $0.range.overlaps(segment.range) }) {
            throw .segmentsOverlap(index: index, other: other)
        }
        let position = segments.firstIndex { $0.range.start > segment.range.start } ?? segments.endIndex
        segments.insert(segment, at: position)
    }

    /// vmlinux gives its entry as a physical address, most other executables as a virtual one.
    private static func physicalEntry(_ entry: UInt64, segments: [Segment]) -> GuestAddress? {
        if segments.contains(where: { $0.range.contains(GuestAddress(entry)) }) { return GuestAddress(entry) }
        for segment in segments {
            let (offset, below) = entry.subtractingReportingOverflow(segment.virtualAddress)
            if !below, offset < segment.range.byteCount { return segment.range.start.adding(offset) }
        }
        return nil
    }

    /// Where the ELF ends: behind its headers, section headers and all bytes that program headers name.
    ///
    /// objcopy writes section headers last, so what follows them was appended.
    private static func fileEnd(_ header: Fields, _ table: Fields) -> UInt64 {
        var end = UInt64(table.count) &+ header.u64(32)
        if header.u16(60) > 0 {
            end = max(end, header.u64(40) &+ UInt64(header.u16(60)) * UInt64(header.u16(58)))
        }
        for index in 0..<table.count / 56 {
            end = max(end, table.u64(index * 56 + 8) &+ table.u64(index * 56 + 32))
        }
        return end
    }
}
