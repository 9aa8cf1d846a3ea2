// SPDX-License-Identifier: Apache-2.0

/// Makes small ELF executables, correct unless told otherwise; every field can be spoiled afterwards.
public struct ELFBuilder: Sendable {
    /// A `PT_LOAD` segment.
    public struct Segment: Sendable {
        /// `p_paddr`.
        public var address: UInt64
        /// `p_vaddr`.
        public var virtualAddress: UInt64
        /// What the file has of it; `p_filesz` counts them.
        public var bytes: [UInt8]
        /// `p_memsz`, bytes.
        public var memoryByteCount: UInt64

        /// A segment linked at the kernel's mapping unless said otherwise.
        public init(address: UInt64, bytes: [UInt8], memoryByteCount: UInt64? = nil, virtualAddress: UInt64? = nil) {
            self.address = address
            self.bytes = bytes
            self.memoryByteCount = memoryByteCount ?? UInt64(bytes.count)
            self.virtualAddress = virtualAddress ?? address &+ 0xffff_ffff_8000_0000
        }
    }

    /// `e_machine`; 62 is x86_64.
    public var machine: UInt16 = 62
    /// `e_entry`.
    public var entry: UInt64
    /// Its `PT_LOAD` segments, in the file's order.
    public var segments: [Segment]
    /// Content of a `PT_NOTE` segment.
    public var notes: [UInt8]?
    /// `p_align` of the note segment.
    public var noteAlignment: UInt64 = 4
    /// Words behind the ELF: see `RelocationTable`.
    public var relocations: [UInt32] = []

    /// An x86_64 kernel with one segment at 16 MiB, as Linux has it, entered at its start.
    public init(
        segments: [Segment] = [Segment(address: 0x100_0000, bytes: [0xf4] + [UInt8](repeating: 0x90, count: 63))],
        entry: UInt64? = nil
    ) {
        self.segments = segments
        self.entry = entry ?? segments.first?.address ?? 0
    }

    /// One note: name with its NUL, descriptor, both padded to 4.
    public static func note(name: String, type: UInt32, descriptor: [UInt8]) -> [UInt8] {
        var note = ImageBytes()
        let text = Array(name.utf8) + [0]
        note.append(UInt32(text.count))
        note.append(UInt32(descriptor.count))
        note.append(type)
        for part in [text, descriptor] {
            note.set(part, at: note.bytes.count)
            while note.bytes.count % 4 != 0 { note.append(0 as UInt8) }
        }
        return note.bytes
    }

    /// The PVH note with a 32- or 64-bit address.
    public static func pvhNote(_ entry: UInt64, byteCount: Int = 4) -> [UInt8] {
        note(name: "Xen", type: 18, descriptor: (0..<byteCount).map { UInt8(truncatingIfNeeded: entry >> ($0 * 8)) })
    }

    /// Where the program header of segment `index` starts; the note's follows the last segment's.
    public static func programHeader(_ index: Int) -> Int { 64 + index * 56 }

    /// The file.
    public func build() -> ImageBytes {
        var file = ImageBytes(count: 64)
        let count = segments.count + (notes == nil ? 0 : 1)
        file.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1], at: 0)
        file.set(2 as UInt16, at: 16)
        file.set(machine, at: 18)
        file.set(1 as UInt32, at: 20)
        file.set(entry, at: 24)
        file.set(64 as UInt64, at: 32)
        file.set(64 as UInt16, at: 52)
        file.set(56 as UInt16, at: 54)
        file.set(UInt16(count), at: 56)
        file.set([UInt8](repeating: 0, count: count * 56), at: 64)
        for (index, segment) in segments.enumerated() {
            Self.header(
                &file, index, type: 1, bytes: segment.bytes, address: segment.address,
                virtualAddress: segment.virtualAddress, memoryByteCount: segment.memoryByteCount, alignment: 0x20_0000)
        }
        if let notes {
            Self.header(
                &file, segments.count, type: 4, bytes: notes, address: 0, virtualAddress: 0,
                memoryByteCount: UInt64(notes.count), alignment: noteAlignment)
        }
        while file.bytes.count % 4 != 0 { file.append(0 as UInt8) }
        for word in relocations { file.append(word) }
        return file
    }

    private static func header(
        _ file: inout ImageBytes, _ index: Int, type: UInt32, bytes: [UInt8], address: UInt64, virtualAddress: UInt64,
        memoryByteCount: UInt64, alignment: UInt64
    ) {
        let base = programHeader(index)
        let offset = file.bytes.count
        file.set(type, at: base)
        file.set(7 as UInt32, at: base + 4)
        file.set(UInt64(offset), at: base + 8)
        file.set(virtualAddress, at: base + 16)
        file.set(address, at: base + 24)
        file.set(UInt64(bytes.count), at: base + 32)
        file.set(memoryByteCount, at: base + 40)
        file.set(alignment, at: base + 48)
        file.set(bytes, at: offset)
    }
}
