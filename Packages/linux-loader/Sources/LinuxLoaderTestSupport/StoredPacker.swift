// SPDX-License-Identifier: Apache-2.0
public import LinuxLoader

/// Packs bytes without making them smaller: every format can store, so tests need no compressor and their bytes are the
/// same with every version of a library.
public enum StoredPacker {
    /// Packs with one of the four formats that `LinuxLoaderCompression` unpacks; others give nil.
    public static func pack(_ bytes: [UInt8], as compression: Compression) -> [UInt8]? {
        switch compression {
        case .gzip: gzip(bytes)
        case .xz: xz(bytes)
        case .zstd: zstd(bytes)
        case .lz4Legacy: lz4Legacy(bytes)
        case .bzip2, .lzma, .lzo: nil
        }
    }

    /// RFC 1952 around stored blocks of RFC 1951.
    private static func gzip(_ bytes: [UInt8]) -> [UInt8] {
        var out = ImageBytes([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3])
        let chunks = chunks(bytes, of: 0xffff)
        for (index, chunk) in chunks.enumerated() {
            out.append(UInt8(index == chunks.count - 1 ? 1 : 0))
            out.append(UInt16(chunk.count))
            out.append(~UInt16(chunk.count))
            out.bytes += chunk
        }
        out.append(CRC32.of(bytes))
        out.append(UInt32(truncatingIfNeeded: bytes.count))
        return out.bytes
    }

    /// RFC 8878, section 3.1.1: a single segment with its size, and raw blocks.
    private static func zstd(_ bytes: [UInt8]) -> [UInt8] {
        var out = ImageBytes([0x28, 0xb5, 0x2f, 0xfd, 0xa0])
        out.append(UInt32(truncatingIfNeeded: bytes.count))
        // A block is no larger than the window, which here is the content.
        let chunks = chunks(bytes, of: min(128 << 10, max(bytes.count, 1)))
        for (index, chunk) in chunks.enumerated() {
            let header = UInt32(index == chunks.count - 1 ? 1 : 0) | UInt32(chunk.count) << 3
            out.bytes += [0, 8, 16].map { UInt8(truncatingIfNeeded: header >> $0) }
            out.bytes += chunk
        }
        return out.bytes
    }

    /// Blocks of one sequence of literals.
    private static func lz4Legacy(_ bytes: [UInt8]) -> [UInt8] {
        var out = ImageBytes([0x02, 0x21, 0x4c, 0x18])
        for chunk in chunks(bytes, of: 8 << 20) where !chunk.isEmpty {
            var block: [UInt8] = [UInt8(min(15, chunk.count)) << 4]
            if chunk.count >= 15 {
                let rest = chunk.count - 15
                block += [UInt8](repeating: 255, count: rest / 255) + [UInt8(rest % 255)]
            }
            block += chunk
            out.append(UInt32(block.count))
            out.bytes += block
        }
        return out.bytes
    }

    /// The .xz file format 1.2.0: one block of uncompressed LZMA2 chunks, CRC32.
    private static func xz(_ bytes: [UInt8]) -> [UInt8] {
        let flags: [UInt8] = [0, 1]
        var out = ImageBytes([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0] + flags)
        out.append(CRC32.of(flags))

        let blockStart = out.bytes.count
        let header: [UInt8] = [2, 0, 0x21, 1, 0, 0, 0, 0]
        out.bytes += header
        out.append(CRC32.of(header))
        for (index, chunk) in chunks(bytes, of: 1 << 16).enumerated() where !chunk.isEmpty {
            let size = UInt16(chunk.count - 1)
            out.bytes += [index == 0 ? 1 : 2, UInt8(size >> 8), UInt8(size & 0xff)] + chunk
        }
        out.append(0 as UInt8)
        let unpadded = out.bytes.count - blockStart + 4
        pad(&out, from: blockStart)
        out.append(CRC32.of(bytes))

        var index = ImageBytes([0, 1] + varint(unpadded) + varint(bytes.count))
        pad(&index, from: 0)
        index.append(CRC32.of(index.bytes))
        out.bytes += index.bytes
        var footer = ImageBytes()
        footer.append(UInt32(index.bytes.count / 4 - 1))
        footer.bytes += flags
        out.append(CRC32.of(footer.bytes))
        out.bytes += footer.bytes + [0x59, 0x5a]
        return out.bytes
    }

    private static func chunks(_ bytes: [UInt8], of count: Int) -> [ArraySlice<UInt8>] {
        guard !bytes.isEmpty else { return [[]] }
        return stride(from: 0, to: bytes.count, by: count).map { bytes[$0..<min($0 + count, bytes.count)] }
    }

    private static func pad(_ out: inout ImageBytes, from start: Int) {
        while (out.bytes.count - start) % 4 != 0 { out.append(0 as UInt8) }
    }

    private static func varint(_ value: Int) -> [UInt8] {
        var rest = value
        var out: [UInt8] = []
        while rest >= 0x80 {
            out.append(UInt8(rest & 0x7f) | 0x80)
            rest >>= 7
        }
        return out + [UInt8(rest)]
    }
}

/// The CRC of gzip and XZ, bit by bit.
enum CRC32 {
    static func of(_ bytes: [UInt8]) -> UInt32 {
        var crc: UInt32 = .max
        for byte in bytes {
            crc ^= UInt32(byte)
            for _ in 0..<8 { crc = crc & 1 == 0 ? crc >> 1 : (crc >> 1) ^ 0xedb8_8320 }
        }
        return ~crc
    }
}
