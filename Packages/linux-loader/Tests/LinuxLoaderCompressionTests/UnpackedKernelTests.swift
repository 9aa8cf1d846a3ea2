// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import LinuxLoaderCompression
import LinuxLoaderTestSupport
import Testing
import VMMemory

@Suite struct UnpackedKernelTests {
    static func open(
        _ bytes: [UInt8], decompressor: (any Decompressor)? = KernelDecompressor(),
        limits: KernelLimits = KernelLimits()
    ) throws -> KernelContents {
        try bytes.withUnsafeBytes { try Kernel(bytes: $0, decompressor: decompressor, limits: limits).contents }
    }

    @Test("a bzImage's kernel is taken out and keeps header and name", arguments: KernelDecompressorTests.formats)
    func bzImage(compression: Compression) throws {
        let contents = try Self.open(try #require(KernelSeeds.bzImage(compression)))
        guard case .elf(let elf) = contents.image else { throw Unexpected() }
        #expect(elf.pvhEntry == GuestAddress(0x100_0040))
        #expect(elf.relocations?.byteCount == 28)
        #expect(contents.setupHeader?.version == 0x20f)
        #expect(contents.versionString == "6.1.0-test (builder) #1")
    }

    @Test("without a decompressor, or for a format it lacks, the guest unpacks")
    func inGuest() throws {
        let packed = try #require(KernelSeeds.bzImage(.xz))
        guard case .bzImage = try Self.open(packed, decompressor: nil).image else { throw Unexpected() }
        let bzip2 = BzImageBuilder(payload: [0x42, 0x5a, 0x68, 0x39], unpackedByteCount: 9).build().bytes
        guard case .bzImage = try Self.open(bzip2).image else { throw Unexpected() }
    }

    @Test("a whole packed kernel such as Image.gz is unpacked", arguments: KernelDecompressorTests.formats)
    func packed(compression: Compression) throws {
        let image = FlatImageBuilder.arm64().bytes
        let contents = try Self.open(try #require(StoredPacker.pack(image, as: compression)))
        guard case .arm64(let header) = contents.image else { throw Unexpected() }
        #expect(header.fileByteCount == UInt64(image.count))
        let elf = try Self.open(try #require(StoredPacker.pack(KernelSeeds.vmlinux, as: compression)))
        #expect(elf.architecture == .x86_64)
        #expect(throws: KernelImageError.noDecompressor(compression)) {
            _ = try Self.open(StoredPacker.pack(image, as: compression) ?? [], decompressor: nil)
        }
    }

    private static func bzImage(_ payload: [UInt8], _ size: UInt32?) -> [UInt8] {
        BzImageBuilder(payload: payload, unpackedByteCount: size).build().bytes
    }

    private static func lz4(_ bytes: [UInt8]) -> [UInt8] { StoredPacker.pack(bytes, as: .lz4Legacy) ?? [] }

    @Test("a promised size that is not the real one is refused", arguments: [-1, 1])
    func size(error: Int) {
        let size = KernelSeeds.vmlinux.count + error
        #expect(throws: KernelImageError.self) {
            _ = try Self.open(Self.bzImage(Self.lz4(KernelSeeds.vmlinux), UInt32(size)))
        }
    }

    @Test("a promise above the limit is refused before anything is unpacked")
    func limit() {
        let packed = Self.lz4(KernelSeeds.vmlinux)
        #expect(throws: KernelImageError.unpackedTooLarge(0xffff_ffff, limit: 512 << 20)) {
            _ = try Self.open(Self.bzImage(packed, .max))
        }
        #expect(throws: KernelImageError.unpackedSize(0, expected: 1)) { _ = try Self.open(Self.bzImage(packed, 0)) }
        let limits = KernelLimits(unpackedByteCount: 300)
        #expect(throws: KernelImageError.self) { _ = try Self.open(packed, limits: limits) }
    }

    @Test("a packed kernel that holds no kernel, another container or the wrong one is refused")
    func contents() {
        let rows: [([UInt8], KernelImageError)] = [
            (Self.bzImage(Self.lz4([1, 2, 3, 4]), 4), .unknownFormat),
            (Self.lz4([1, 2, 3, 4]), .unknownFormat),
            (Self.lz4(Self.lz4([1, 2, 3, 4])), .nestedCompression),
            (Self.lz4(KernelSeeds.bzImage(.gzip) ?? []), .unexpectedPayload(.bzImage)),
            (Self.bzImage(Self.lz4(FlatImageBuilder.arm64().bytes), 4096), .unexpectedPayload(.arm64Image)),
        ]
        for (bytes, error) in rows { #expect(throws: error) { _ = try Self.open(bytes) } }
        var arm = ELFBuilder()
        arm.machine = 183
        let elf = arm.build().bytes
        #expect(throws: KernelImageError.unexpectedPayload(.elf)) {
            _ = try Self.open(Self.bzImage(Self.lz4(elf), UInt32(elf.count)))
        }
    }

    @Test("damage inside the payload is told with its format")
    func damage() throws {
        var bytes = ImageBytes(try #require(KernelSeeds.bzImage(.xz)))
        bytes.set(0xff as UInt8, at: 1028 + 40)
        #expect(throws: KernelImageError.unpacking(.xz, .corrupt(code: 9))) { _ = try Self.open(bytes.bytes) }
    }

    @Test("a decompressor that claims more than there is room for cannot make the loader read past it")
    func lying() {
        struct Liar: Decompressor {
            func decompress(
                _ input: UnsafeRawBufferPointer, as compression: Compression,
                into output: UnsafeMutableRawBufferPointer
            ) throws(DecompressionError) -> Int { .max }
        }
        #expect(throws: KernelImageError.self) {
            _ = try Self.open(Self.bzImage(Self.lz4(KernelSeeds.vmlinux), 512), decompressor: Liar())
        }
    }

    struct Unexpected: Error {}
}
