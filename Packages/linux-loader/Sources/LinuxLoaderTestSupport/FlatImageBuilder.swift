// SPDX-License-Identifier: Apache-2.0

/// Makes small arm64 and riscv64 `Image` files.
public enum FlatImageBuilder {
    /// An arm64 image of `byteCount` bytes.
    public static func arm64(
        textOffset: UInt64 = 0, imageByteCount: UInt64 = 0x1_0000, flags: UInt64 = 0xa, byteCount: Int = 4096
    ) -> ImageBytes {
        var file = ImageBytes(count: byteCount)
        file.set(textOffset, at: 8)
        file.set(imageByteCount, at: 16)
        file.set(flags, at: 24)
        file.set(0x644d_5241 as UInt32, at: 56)
        return file
    }

    /// A riscv64 image of `byteCount` bytes.
    public static func riscv64(
        textOffset: UInt64 = 0x20_0000, imageByteCount: UInt64 = 0x1_0000, flags: UInt64 = 0, byteCount: Int = 4096
    ) -> ImageBytes {
        var file = ImageBytes(count: byteCount)
        file.set(textOffset, at: 8)
        file.set(imageByteCount, at: 16)
        file.set(flags, at: 24)
        file.set(2 as UInt32, at: 32)
        file.set([0x52, 0x49, 0x53, 0x43, 0x56, 0, 0, 0], at: 48)
        file.set(0x0543_5352 as UInt32, at: 56)
        return file
    }
}
