// SPDX-License-Identifier: Apache-2.0

/// The arm64 `Image` header (Documentation/arch/arm64/booting.rst, section 4).
public struct ARM64Image: Sendable, Equatable {
    /// "ARM\x64" at offset 56.
    static let magic: UInt32 = 0x644d_5241

    /// Distance from a 2 MiB aligned base to the image's first byte, which is also the entry.
    public let textOffset: UInt64
    /// Memory that the kernel needs from there, its BSS included; never less than the file.
    public let memoryByteCount: UInt64
    /// Bytes in the file.
    public let fileByteCount: UInt64
    /// The page size it was built for, in bytes; nil if the header does not tell.
    public let pageByteCount: Int?
    /// Whether the 2 MiB aligned base may be anywhere (flag bit 3), or should be close to the start of memory.
    public let canBeAnywhere: Bool

    init(_ source: some ImageSource) throws(KernelImageError) {
        let header = try source.fetch(.imageHeader, at: 0, count: 64)
        guard header.u32(56) == Self.magic else { throw .unknownFormat }
        let flags = header.u64(24)
        guard flags & 1 == 0 else { throw .bigEndian(.arm64) }
        fileByteCount = source.byteCount
        let size = header.u64(16)
        // Kernels before 3.17 leave image_size 0; their text_offset is then to be taken as 0x80000.
        textOffset = size == 0 ? 0x8_0000 : header.u64(8)
        memoryByteCount = max(size, fileByteCount)
        guard textOffset < 1 << 40 else { throw .imageSize(.arm64, textOffset) }
        guard size < 1 << 40 else { throw .imageSize(.arm64, size) }
        pageByteCount = [nil, 4096, 16384, 65536][Int((flags >> 1) & 3)]
        canBeAnywhere = flags & 8 != 0
    }
}
