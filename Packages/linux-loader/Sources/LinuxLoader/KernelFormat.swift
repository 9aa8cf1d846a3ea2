// SPDX-License-Identifier: Apache-2.0

/// The kernel formats that are recognised.
public enum KernelFormat: Sendable, Hashable, CustomStringConvertible {
    /// ELF, any class: the parser says what is wrong with a 32-bit one.
    case elf
    /// Linux/x86 boot protocol image.
    case bzImage
    /// Documentation/arch/arm64/booting.rst.
    case arm64Image
    /// Documentation/arch/riscv/boot-image-header.rst.
    case riscv64Image
    /// One packed stream.
    case packed(Compression)

    /// How many bytes of the file `detect` looks at.
    public static let prefixByteCount = 0x206

    /// Tells the format by its magic numbers alone.
    public static func detect(_ prefix: [UInt8]) -> KernelFormat? {
        let fields = Fields(prefix)
        if prefix.starts(with: [0x7f, 0x45, 0x4c, 0x46]) { return .elf }
        // An EFI-stub kernel of any architecture begins with "MZ", so the magics inside decide.
        if fields.u16(0x1fe) == 0xaa55, fields.u32(0x202) == SetupHeader.magic { return .bzImage }
        if fields.u32(0x38) == ARM64Image.magic { return .arm64Image }
        if fields.u64(0x30) == RISCV64Image.magic || fields.u32(0x38) == RISCV64Image.magic2 { return .riscv64Image }
        return Compression.detect(prefix).map { .packed($0) }
    }

    /// The name as users know it.
    public var description: String {
        switch self {
        case .elf: "ELF"
        case .bzImage: "bzImage"
        case .arm64Image: "arm64 Image"
        case .riscv64Image: "riscv64 Image"
        case .packed(let compression): "\(compression)-packed kernel"
        }
    }
}
