// SPDX-License-Identifier: Apache-2.0

/// The riscv64 `Image` header (Documentation/arch/riscv/boot-image-header.rst).
public struct RISCV64Image: Sendable, Equatable {
    /// "RISCV\0\0\0" at offset 48, deprecated in favour of `magic2`.
    static let magic: UInt64 = 0x5643_5349_52
    /// "RSC\x05" at offset 56.
    static let magic2: UInt32 = 0x0543_5352

    /// Distance from a 2 MiB aligned base to the image's first byte, which is also the entry.
    public let textOffset: UInt64
    /// Memory that the kernel needs from there, its BSS included; never less than the file.
    public let memoryByteCount: UInt64
    /// Bytes in the file.
    public let fileByteCount: UInt64
    /// Header version: major in the upper, minor in the lower half.
    public let headerVersion: UInt32

    init(_ source: some ImageSource) throws(KernelImageError) {
        let header = try source.fetch(.imageHeader, at: 0, count: 64)
        guard header.u32(56) == Self.magic2 else { throw .unknownFormat }
        guard header.u64(24) & 1 == 0 else { throw .bigEndian(.riscv64) }
        textOffset = header.u64(8)
        fileByteCount = source.byteCount
        memoryByteCount = max(header.u64(16), fileByteCount)
        headerVersion = header.u32(32)
        guard textOffset < 1 << 40 else { throw .imageSize(.riscv64, textOffset) }
        guard header.u64(16) > 0, header.u64(16) < 1 << 40 else { throw .imageSize(.riscv64, header.u64(16)) }
    }
}
