// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import LinuxLoaderCompression
import LinuxLoaderTestSupport
import Testing
import VMMemory

@Suite struct KernelDecompressorTests {
    static let formats: [Compression] = [.gzip, .xz, .zstd, .lz4Legacy]
    /// More than one chunk of every format but LZ4.
    static let content: [UInt8] = (0..<200_000).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }

    static func unpack(_ bytes: [UInt8], as compression: Compression, capacity: Int) throws -> [UInt8] {
        var output = [UInt8](repeating: 0xa5, count: capacity + 16)
        let count = try bytes.withUnsafeBytes { input in
            try output.withUnsafeMutableBytes {
                try KernelDecompressor().decompress(
                    input, as: compression, into: UnsafeMutableRawBufferPointer(rebasing: $0[..<capacity]))
            }
        }
        #expect(output[capacity...].allSatisfy { $0 == 0xa5 }, "written past the room given")
        return Array(output[..<count])
    }

    static func packed(_ compression: Compression, _ bytes: [UInt8] = content) throws -> [UInt8] {
        try #require(StoredPacker.pack(bytes, as: compression))
    }

    @Test("every format unpacks into exactly the room it needs", arguments: formats)
    func unpacks(compression: Compression) throws {
        let bytes = try Self.packed(compression)
        #expect(Compression.detect(bytes) == compression)
        #expect(try Self.unpack(bytes, as: compression, capacity: Self.content.count) == Self.content)
        #expect(try Self.unpack(bytes, as: compression, capacity: Self.content.count + 1) == Self.content)
        #expect(try Self.unpack(try Self.packed(compression, [7]), as: compression, capacity: 1) == [7])
    }

    @Test("a result larger than the room is an error and stays inside it", arguments: formats)
    func tooLarge(compression: Compression) throws {
        let bytes = try Self.packed(compression)
        for capacity in [0, 1, 65535, Self.content.count - 1] {
            #expect(throws: DecompressionError.self, "\(capacity)") {
                _ = try Self.unpack(bytes, as: compression, capacity: capacity)
            }
        }
    }

    @Test("every cut gives an error or, at LZ4's block borders, the blocks before it", arguments: formats)
    func truncated(compression: Compression) throws {
        let content = Array(Self.content.prefix(100))
        let bytes = try Self.packed(compression, content)
        for count in 0..<bytes.count {
            let result = try? Self.unpack(Array(bytes[..<count]), as: compression, capacity: content.count)
            #expect(result == nil || (compression == .lz4Legacy && result == []), "\(count) bytes: \(result ?? [])")
        }
    }

    @Test("a flipped bit is found, or changes what only LZ4 and zstd do not guard", arguments: formats)
    func damaged(compression: Compression) throws {
        let content = Array(Self.content.prefix(64))
        let bytes = try Self.packed(compression, content)
        for index in bytes.indices {
            for bit in 0..<8 {
                var spoilt = bytes
                spoilt[index] ^= 1 << bit
                let result = try? Self.unpack(spoilt, as: compression, capacity: 256)
                if compression == .xz { #expect(result == nil, "\(index).\(bit)") }
                // gzip's header holds a time and a system that nobody checks, and a stored block's first byte padding.
                if compression == .gzip, index > 10 { #expect(result == nil, "\(index).\(bit)") }
            }
        }
    }

    @Test("bytes behind the end are refused where the format has an end", arguments: [Compression.gzip, .xz, .zstd])
    func trailing(compression: Compression) throws {
        let bytes = try Self.packed(compression, [1, 2, 3]) + [0, 0, 0, 0]
        #expect(throws: DecompressionError.self) { _ = try Self.unpack(bytes, as: compression, capacity: 16) }
    }

    @Test("an XZ stream that asks for a huge dictionary is refused")
    func dictionary() throws {
        var bytes = ImageBytes(try Self.packed(.xz, [1, 2, 3]))
        // Dictionary size code 40 is 4 GiB - 1; the header's CRC32 is right for it.
        let header: [UInt8] = [2, 0, 0x21, 1, 40, 0, 0, 0]
        bytes.set(header, at: 12)
        bytes.set(crc32(header), at: 20)
        #expect(throws: DecompressionError.memory) { _ = try Self.unpack(bytes.bytes, as: .xz, capacity: 16) }
    }

    @Test(
        "LZ4 blocks of a false length, or without a magic, are refused",
        arguments: [
            [0, 0, 0, 0], [0xff, 0xff, 0xff, 0x7f], [0xff, 0xff, 0xff, 0xff], [2, 0, 0, 0, 0x10], [1, 0, 0],
        ] as [[UInt8]])
    func lz4(tail: [UInt8]) {
        #expect(throws: DecompressionError.self) {
            _ = try Self.unpack([0x02, 0x21, 0x4c, 0x18] + tail, as: .lz4Legacy, capacity: 64)
        }
        #expect(throws: DecompressionError.self) { _ = try Self.unpack(tail, as: .lz4Legacy, capacity: 64) }
    }

    @Test("concatenated LZ4 frames unpack one after the other")
    func lz4Frames() throws {
        let bytes = try Self.packed(.lz4Legacy, [1, 2]) + Self.packed(.lz4Legacy, [3])
        #expect(try Self.unpack(bytes, as: .lz4Legacy, capacity: 3) == [1, 2, 3])
    }

    @Test("formats without a library are named as unsupported", arguments: [Compression.bzip2, .lzma, .lzo])
    func unsupported(compression: Compression) {
        #expect(throws: DecompressionError.unsupported) {
            _ = try Self.unpack([1, 2, 3], as: compression, capacity: 16)
        }
    }

    private func crc32(_ bytes: [UInt8]) -> UInt32 {
        // The CRC at the end of a gzip member is the same one.
        let member = StoredPacker.pack(bytes, as: .gzip) ?? []
        return member.suffix(8).prefix(4).reversed().reduce(0) { $0 << 8 | UInt32($1) }
    }
}
