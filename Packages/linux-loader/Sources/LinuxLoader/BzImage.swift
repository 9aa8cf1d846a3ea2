// SPDX-License-Identifier: Apache-2.0

/// An x86 bzImage: setup header, protected-mode code, and in that code the packed kernel.
public struct BzImage: Sendable, Equatable {
    /// The header at 0x1f1.
    public let setupHeader: SetupHeader
    /// The kernel's name for itself, such as `6.1.0-40-amd64 (debian-kernel@...) #1 SMP ...`; empty if it has none.
    public let versionString: String
    /// Where the protected-mode code starts in the file.
    public let codeOffset: UInt64
    /// Its length in the file.
    public let codeByteCount: UInt64
    /// The packed kernel inside, from protocol 2.08 on.
    public let payload: Payload?

    /// The packed kernel's place in the file.
    public struct Payload: Sendable, Equatable {
        /// Offset in the file.
        public let fileOffset: UInt64
        /// Packed bytes, without a size field behind them.
        public let byteCount: UInt64
        /// How it is packed; nil if it is no packed stream but an ELF.
        public let compression: Compression?
        /// The unpacked size that the image promises; for a plain ELF its size.
        public let unpackedByteCount: UInt64
    }

    init(_ source: some ImageSource) throws(KernelImageError) {
        try source.check(.setupHeader, at: 0, count: 0x226)
        let prefixCount = Int(min(UInt64(SetupHeader.largestEnd), source.byteCount))
        let header = try SetupHeader(prefix: try source.fetch(.setupHeader, at: 0, count: prefixCount))
        setupHeader = header

        codeOffset = (UInt64(header.setupSectors) + 1) * 512
        try source.check(.setupCode, at: 0, count: codeOffset)
        codeByteCount = UInt64(header.protectedModeParagraphs) * 16
        guard codeByteCount > 0 else { throw .truncated(.protectedModeCode, needed: 16, available: 0) }
        try source.check(.protectedModeCode, at: codeOffset, count: codeByteCount)
        versionString = try Self.versionString(source, header, setupByteCount: codeOffset)
        payload = try Self.payload(source, header, codeOffset: codeOffset, codeByteCount: codeByteCount)
    }

    private static func versionString(
        _ source: some ImageSource, _ header: SetupHeader, setupByteCount: UInt64
    ) throws(KernelImageError) -> String {
        let start = UInt64(header.versionStringOffset) + 0x200
        guard header.versionStringOffset != 0, start < setupByteCount else { return "" }
        let count = Int(min(256, setupByteCount - start))
        let text = try source.fetch(.setupCode, at: start, count: count).bytes.prefix { $0 != 0 }
        // It goes to terminals, so nothing but printable ASCII survives.
        return String(decoding: text.map { (0x20...0x7e).contains($0) ? $0 : 0x3f }, as: Unicode.ASCII.self)
    }

    private static func payload(
        _ source: some ImageSource, _ header: SetupHeader, codeOffset: UInt64, codeByteCount: UInt64
    ) throws(KernelImageError) -> Payload? {
        guard header.version >= 0x208, header.payloadByteCount > 0 else { return nil }
        // Both are 32-bit values, so the sum cannot overflow.
        guard header.payloadByteCount > 4, header.payloadOffset + header.payloadByteCount <= codeByteCount else {
            throw .payloadOutsideImage(
                offset: header.payloadOffset, byteCount: header.payloadByteCount, available: codeByteCount)
        }
        let offset = codeOffset + header.payloadOffset
        let magicCount = Int(min(UInt64(Compression.longestMagic), header.payloadByteCount))
        let magic = try source.fetch(.payload, at: offset, count: magicCount).bytes
        if magic.starts(with: [0x7f, 0x45, 0x4c, 0x46]) {
            return Payload(
                fileOffset: offset, byteCount: header.payloadByteCount, compression: nil,
                unpackedByteCount: header.payloadByteCount)
        }
        guard let compression = Compression.detect(magic) else { throw .unknownCompression(magic) }
        // The size is the last word; gzip has it as its own trailer, the others get it appended.
        let end = offset + header.payloadByteCount
        let unpacked = UInt64(try source.fetch(.payload, at: end - 4, count: 4).u32(0))
        return Payload(
            fileOffset: offset, byteCount: header.payloadByteCount - (compression == .gzip ? 0 : 4),
            compression: compression, unpackedByteCount: unpacked)
    }
}
