// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import LinuxLoaderTestSupport
import Testing
import VMMemory

/// What really shrinks: `StoredPacker` only stores, and no Debian kernel has gzip or zstd.
@Suite struct RealCompressorTests {
    /// The kernel that the two payloads hold.
    static let kernel: [UInt8] = {
        let code = (0..<40_000).map { UInt8(truncatingIfNeeded: ($0 / 1000) &* 31) }
        return ELFBuilder(segments: [.init(address: 0x100_0000, bytes: code)]).build().bytes
    }()

    /// `gzip -9n` 1.12 of it.
    static let gzipped = bytes(
        """
        1f8b0800000000000203edcb214f82611405e0170a91685313d1e82c320a268d366d4423814d37e788469b928c461a3623d14823
        128936648c4f02ffe0f83cdbddddddb9e7b17b7951afd54aa55eda657b6d56a7eceb94b3ea67b31beb19ece2a7d5da5f7fb4ed8c
        aaf8b800ffc31110af0dc4bb05e23d00f1de80789f40bc1910ef07887700c43b05e25d03f1fa40bc1720de1888f70dc45b02f19a
        40bc1320de1510ef0e88f70cc4fb00e24d81780b205e0388d702e27581783d20de1088f70ec4fb02e2cd81782b20de2110ef1c88
        7703c4bb07e2bd02f12640bc5f6a8723bab89c0000
        """)

    /// `zstd -19` 1.5.4 of it.
    static let zstandard = bytes(
        """
        28b52ffd64b89b45050084047f454c460201010002003e004000400038000100070000007881ff009c000020001f3e5d7c9bbad9
        f81736557493b2d1f00f2e4d6c8baac9e80726456483a2c1e0ff1e3d5c7b9ab932a820b6421a03b017d201210415812240c223c2
        fffffde4c9939f3cf2e4259f3cf2c9239f7cf2e4219f3cf2c9279f3cf2c9234f9ee4c9933f79f2e4499e3cf2c9239f7cf2c923af
        35fd6664c86cc86b8286732371654b4d24400c228c14ef44b724
        """)

    @Test("a gzip payload by gzip unpacks to the same kernel")
    func gzip() throws {
        try check(Self.gzipped, .gzip)
    }

    @Test("a zstd payload by zstd unpacks to the same kernel")
    func zstd() throws {
        try check(Self.zstandard, .zstd)
    }

    private func check(_ packed: [UInt8], _ compression: Compression) throws {
        #expect(try KernelDecompressorTests.unpack(packed, as: compression, capacity: Self.kernel.count) == Self.kernel)
        let size = compression == .gzip ? nil : UInt32(Self.kernel.count)
        let contents = try UnpackedKernelTests.open(
            BzImageBuilder(payload: packed, unpackedByteCount: size).build().bytes)
        guard case .elf(let elf) = contents.image else { throw UnpackedKernelTests.Unexpected() }
        #expect(elf.range.byteCount == 40_000)
    }

    private static func bytes(_ hex: String) -> [UInt8] {
        let digits = hex.compactMap(\.hexDigitValue)
        return stride(from: 0, to: digits.count, by: 2).map { UInt8(digits[$0] * 16 + digits[$0 + 1]) }
    }
}
