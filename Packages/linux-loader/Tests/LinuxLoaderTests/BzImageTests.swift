// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import LinuxLoaderTestSupport
import Testing
import VMMemory

@Suite struct BzImageTests {
    static let packed: [UInt8] = [0x1f, 0x8b, 8, 0, 1, 2, 3, 4, 0x00, 0x10, 0, 0]

    static func build(_ change: (inout BzImageBuilder) -> Void = { _ in }) -> ImageBytes {
        var builder = BzImageBuilder(payload: packed, unpackedByteCount: nil)
        change(&builder)
        return builder.build()
    }

    static func image(_ file: ImageBytes) throws -> BzImage {
        guard case .bzImage(let image) = try parse(file.bytes) else { throw Missing() }
        return image
    }

    @Test("header, version string and payload come out")
    func parses() throws {
        let image = try Self.image(Self.build())
        #expect(image.versionString == "6.1.0-test (builder) #1")
        #expect(image.codeOffset == 1024)
        #expect(image.codeByteCount == 16)
        let header = image.setupHeader
        #expect(header.version == 0x20f)
        #expect(header.has64BitEntry)
        #expect(!header.canBeLoadedAbove4G)
        #expect(header.isRelocatable)
        #expect(header.kernelAlignment == 0x20_0000)
        #expect(header.preferredAddress == 0x100_0000)
        #expect(header.initByteCount == 0x10_0000)
        #expect(header.initrdAddressMax == 0x7fff_ffff)
        #expect(header.commandLineByteCount == 2047)
        let payload = try #require(image.payload)
        #expect(payload.compression == .gzip)
        #expect(payload.fileOffset == 1028)
        #expect(payload.byteCount == 12)
        #expect(payload.unpackedByteCount == 0x1000)
    }

    @Test("setup_sects 0 means 4")
    func zeroSectors() throws {
        #expect(try Self.image(Self.build { $0.setupSectors = 0 }).codeOffset == 2560)
    }

    @Test(
        "all but gzip have the unpacked size appended, which is not payload",
        arguments: [
            ([0x02, 0x21, 0x4c, 0x18, 0, 0] as [UInt8], Compression.lz4Legacy),
            ([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0], .xz),
            ([0x28, 0xb5, 0x2f, 0xfd, 0, 0], .zstd),
            ([0x42, 0x5a, 0x68, 0, 0, 0], .bzip2),
            ([0x5d, 0, 0, 0, 0, 0], .lzma),
            ([0x89, 0x4c, 0x5a, 0x4f, 0, 0], .lzo),
        ])
    func compressions(magic: [UInt8], compression: Compression) throws {
        let payload = try #require(
            try Self.image(
                Self.build {
                    $0.payload = magic
                    $0.unpackedByteCount = 77
                }
            ).payload)
        #expect(payload.compression == compression)
        #expect(payload.byteCount == 6)
        #expect(payload.unpackedByteCount == 77)
    }

    @Test("a payload that is an ELF needs no unpacking")
    func plainPayload() throws {
        let elf = ELFBuilder().build().bytes
        let payload = try #require(try Self.image(Self.build { $0.payload = elf }).payload)
        #expect(payload.compression == nil)
        #expect(payload.byteCount == UInt64(elf.count))
    }

    @Test("before protocol 2.08 there is no payload to take out")
    func old() throws {
        var file = Self.build { $0.version = 0x207 }
        file.set([0xeb, 0x46], at: 0x200)
        #expect(try Self.image(file).payload == nil)
    }

    struct Bad: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let error: KernelImageError
        let bytes: [UInt8]

        init(
            _ name: String, _ error: KernelImageError, _ change: (inout BzImageBuilder) -> Void = { _ in },
            spoil: (inout ImageBytes) -> Void = { _ in }
        ) {
            testDescription = name
            self.error = error
            var file = build(change)
            spoil(&file)
            bytes = file.bytes
        }
    }

    static let bad: [Bad] = [
        Bad("no HdrS", .unknownFormat, spoil: { $0.set(0 as UInt32, at: 0x202) }),
        Bad("no boot flag", .unknownFormat, spoil: { $0.set(0 as UInt16, at: 0x1fe) }),
        Bad("protocol 1.15", .protocolTooOld(0x10f, needed: 0x200), { $0.version = 0x10f }),
        Bad("zImage", .notLoadedHigh, { $0.loadFlags = 0xfe }),
        Bad(
            "header shorter than its version", .setupHeaderTooShort(byteCount: 0x77, needed: 0x7b),
            spoil: { $0.set(0x66 as UInt8, at: 0x201) }),
        Bad("kernel alignment 0", .kernelAlignment(0), { $0.kernelAlignment = 0 }),
        Bad("kernel alignment no power of two", .kernelAlignment(0x30_0000), { $0.kernelAlignment = 0x30_0000 }),
        Bad("kernel alignment below a page", .kernelAlignment(0x800), { $0.kernelAlignment = 0x800 }),
        Bad(
            "setup past the file", .truncated(.setupCode, needed: 131072, available: 1040),
            spoil: { $0.set(255 as UInt8, at: 0x1f1) }),
        Bad(
            "code past the file", .truncated(.protectedModeCode, needed: 1024 + 32, available: 1040),
            spoil: { $0.set(2 as UInt32, at: 0x1f4) }),
        Bad(
            "4 GiB of code and more", .truncated(.protectedModeCode, needed: 1024 + 0xffff_ffff * 16, available: 1040),
            spoil: { $0.set(UInt32.max, at: 0x1f4) }),
        Bad(
            "no code", .truncated(.protectedModeCode, needed: 16, available: 0),
            spoil: { $0.set(0 as UInt32, at: 0x1f4) }),
        Bad(
            "payload past the code", .payloadOutsideImage(offset: 4, byteCount: 13, available: 16),
            spoil: { $0.set(13 as UInt32, at: 0x24c) }),
        Bad(
            "payload offset at the top", .payloadOutsideImage(offset: 0xffff_ffff, byteCount: 12, available: 16),
            spoil: { $0.set(UInt32.max, at: 0x248) }),
        Bad(
            "payload with nothing but its size", .payloadOutsideImage(offset: 4, byteCount: 4, available: 16),
            spoil: { $0.set(4 as UInt32, at: 0x24c) }),
        Bad("unknown payload", .unknownCompression([1, 2, 3, 4, 5, 6]), { $0.payload = [1, 2, 3, 4, 5, 6] }),
    ]

    @Test("a malformed bzImage is refused with its own error", arguments: bad)
    func refuses(_ row: Bad) {
        #expect(throws: row.error) { _ = try parse(row.bytes) }
        #expect(!row.error.description.contains("\n"))
    }

    @Test("every prefix of a bzImage is refused")
    func truncation() {
        let whole = Self.build().bytes
        for count in 0..<whole.count {
            #expect(throws: KernelImageError.self, "\(count) bytes") { _ = try parse(Array(whole[..<count])) }
        }
    }

    @Test("a version string cannot carry control characters to a terminal, nor leave the setup code")
    func versionString() throws {
        #expect(try Self.image(Self.build { $0.versionString = "a\u{1b}[2Jb" }).versionString == "a?[2Jb")
        var far = Self.build()
        far.set(UInt16.max, at: 0x20e)
        #expect(try Self.image(far).versionString == "")
        var unterminated = Self.build()
        unterminated.set([UInt8](repeating: 0x41, count: 0x400 - 0x280), at: 0x280)
        #expect(try Self.image(unterminated).versionString.count == 256)
    }

    @Test(
        "a kernel that must unpack itself needs protocol 2.12 and the 64-bit entry",
        arguments: [
            (0x20b as UInt16, 1 as UInt16, KernelImageError.protocolTooOld(0x20b, needed: 0x20c)),
            (0x20f, 0, .no64BitEntry),
        ])
    func entry(version: UInt16, flags: UInt16, error: KernelImageError) {
        let file = Self.build {
            $0.version = version
            $0.extendedLoadFlags = flags
        }
        #expect(throws: error) {
            try file.bytes.withUnsafeBytes { _ = try Kernel(bytes: $0) }
        }
    }
}
