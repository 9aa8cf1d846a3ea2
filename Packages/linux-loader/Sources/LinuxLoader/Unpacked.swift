// SPDX-License-Identifier: Apache-2.0

/// A kernel taken out of its container into host memory.
struct Unpacked {
    let buffer: HostBuffer
    let contents: KernelContents

    /// Unpacks what `container` holds; nil if there is nothing to unpack, or if the guest has to do it.
    init?(
        _ container: KernelImage, from source: some ImageSource, decompressor: (any Decompressor)?, limits: KernelLimits
    ) throws(KernelImageError) {
        switch container {
        case .elf, .arm64, .riscv64:
            return nil
        case .bzImage(let image):
            guard let payload = image.payload else { return nil }
            guard let found = try Self.unpack(payload, from: source, decompressor: decompressor, limits: limits) else {
                return nil
            }
            buffer = found
        case .packed(let compression):
            guard let decompressor else { throw .noDecompressor(compression) }
            // Nothing tells the size beforehand, so the room is the limit; only what is written costs memory.
            let packed = try Self.copy(source, at: 0, byteCount: source.byteCount, limits: limits)
            buffer = try HostBuffer(byteCount: limits.unpackedByteCount)
            try Self.decompress(packed, compression, with: decompressor, into: buffer, limits: limits)
        }
        let inner = try KernelImage.parse(BufferSource(bytes: buffer.bytes), limits: limits)
        guard let architecture = inner.architecture else { throw .nestedCompression }
        switch (container, inner) {
        case (_, .bzImage): throw .unexpectedPayload(inner.format)
        case (.bzImage, .elf) where architecture == .x86_64: break
        case (.packed, _): break
        default: throw .unexpectedPayload(inner.format)
        }
        contents = KernelContents(image: inner, architecture: architecture, from: container)
    }

    private static func unpack(
        _ payload: BzImage.Payload, from source: some ImageSource, decompressor: (any Decompressor)?,
        limits: KernelLimits
    ) throws(KernelImageError) -> HostBuffer? {
        guard let compression = payload.compression else {
            return try copy(source, at: payload.fileOffset, byteCount: payload.byteCount, limits: limits)
        }
        guard let decompressor else { return nil }
        // The promise bounds the output, and the limit bounds the promise.
        let promised = payload.unpackedByteCount
        guard promised <= limits.unpackedByteCount else {
            throw .unpackedTooLarge(promised, limit: limits.unpackedByteCount)
        }
        guard promised > 0 else { throw .unpackedSize(0, expected: 1) }
        let packed = try copy(source, at: payload.fileOffset, byteCount: payload.byteCount, limits: limits)
        let buffer = try HostBuffer(byteCount: promised)
        do throws(KernelImageError) {
            try decompress(packed, compression, with: decompressor, into: buffer, limits: limits)
        } catch .unpacking(_, .unsupported) {
            return nil
        }
        guard UInt64(buffer.byteCount) == promised else {
            throw .unpackedSize(UInt64(buffer.byteCount), expected: promised)
        }
        return buffer
    }

    private static func decompress(
        _ packed: HostBuffer, _ compression: Compression, with decompressor: any Decompressor, into buffer: HostBuffer,
        limits: KernelLimits
    ) throws(KernelImageError) {
        let count: Int
        do throws(DecompressionError) {
            count = try decompressor.decompress(packed.bytes, as: compression, into: buffer.mutableBytes)
        } catch {
            throw .unpacking(compression, error)
        }
        guard count > 0 else { throw .unpackedSize(0, expected: 1) }
        buffer.truncate(to: count)
    }

    private static func copy(
        _ source: some ImageSource, at offset: UInt64, byteCount: UInt64, limits: KernelLimits
    ) throws(KernelImageError) -> HostBuffer {
        // What is packed is no larger than what comes out of it, but for a few bytes.
        guard byteCount <= limits.unpackedByteCount else {
            throw .unpackedTooLarge(byteCount, limit: limits.unpackedByteCount)
        }
        let buffer = try HostBuffer(byteCount: byteCount)
        try source.read(at: offset, into: buffer.mutableBytes)
        return buffer
    }
}
