// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

/// A kernel file, parsed: what it is, where its parts are, where it starts. It holds values, not the file's bytes.
public enum KernelImage: Sendable, Equatable {
    /// An ELF executable such as `vmlinux`.
    case elf(ELFImage)
    /// The x86 `bzImage` that distributions install as `vmlinuz`.
    case bzImage(BzImage)
    /// The arm64 `Image`.
    case arm64(ARM64Image)
    /// The riscv64 `Image`.
    case riscv64(RISCV64Image)
    /// A whole kernel in one packed stream, such as `Image.gz`.
    case packed(Compression)

    /// Parses an image in memory; nothing of it is kept.
    public static func parse(
        _ bytes: UnsafeRawBufferPointer, limits: KernelLimits = KernelLimits()
    ) throws(KernelImageError) -> KernelImage {
        guard !bytes.isEmpty else { throw .empty }
        return try parse(BufferSource(bytes: bytes), limits: limits)
    }

    /// Parses an image in a regular file, reading headers only.
    public static func parse(
        file: borrowing FileDescriptor, limits: KernelLimits = KernelLimits()
    ) throws(KernelImageError) -> KernelImage {
        try parse(FileSource(file), limits: limits)
    }

    /// The format.
    public var format: KernelFormat {
        switch self {
        case .elf: .elf
        case .bzImage: .bzImage
        case .arm64: .arm64Image
        case .riscv64: .riscv64Image
        case .packed(let compression): .packed(compression)
        }
    }

    /// The processor it is for; nil while it is packed.
    public var architecture: Architecture? {
        switch self {
        case .elf(let image): image.architecture
        case .bzImage: .x86_64
        case .arm64: .arm64
        case .riscv64: .riscv64
        case .packed: nil
        }
    }

    static func parse(_ source: some ImageSource, limits: KernelLimits) throws(KernelImageError) -> KernelImage {
        let prefix = try source.fetch(
            .file, at: 0, count: Int(min(UInt64(KernelFormat.prefixByteCount), source.byteCount)))
        switch KernelFormat.detect(prefix.bytes) {
        case .elf: return .elf(try ELFImage(source, limits: limits))
        case .bzImage: return .bzImage(try BzImage(source))
        case .arm64Image: return .arm64(try ARM64Image(source))
        case .riscv64Image: return .riscv64(try RISCV64Image(source))
        case .packed(let compression): return .packed(compression)
        case nil: throw .unknownFormat
        }
    }
}

/// Bounds on what a hostile image may make the loader do.
public struct KernelLimits: Sendable, Equatable {
    /// The most bytes that a packed kernel may unpack to.
    public var unpackedByteCount: UInt64
    /// The most ELF program headers read; vmlinux has 5.
    public var programHeaders: Int

    /// 512 MiB unpacked and 128 program headers unless said otherwise.
    public init(unpackedByteCount: UInt64 = 512 << 20, programHeaders: Int = 128) {
        self.unpackedByteCount = unpackedByteCount
        self.programHeaders = programHeaders
    }
}
