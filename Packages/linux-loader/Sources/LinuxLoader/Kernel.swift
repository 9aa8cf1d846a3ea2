// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

/// An opened kernel: parsed, unpacked where it was packed, ready to be placed by a `BootPlan` and loaded.
///
/// It owns the file, or the unpacked copy; drop it once the guest memory is filled.
public struct Kernel: ~Copyable {
    /// What the file itself is.
    public let container: KernelImage
    /// What will be loaded, as values that need neither file nor memory.
    public let contents: KernelContents
    let storage: Storage

    /// Where the bytes of `contents.image` are.
    enum Storage: ~Copyable {
        case file(FileDescriptor)
        case buffer(HostBuffer)
    }

    /// Opens a kernel in a regular file.
    ///
    /// - Parameters:
    ///   - file: a regular file.
    ///   - decompressor: unpacks the kernel inside a bzImage here on the host, which is faster than the guest's own
    ///     decompressor and keeps KASLR through `BootPlan`. Without one, or with one that does not know the format, a
    ///     bzImage is loaded as it is and unpacks itself in the guest.
    ///   - limits: how large a kernel may be, packed and unpacked.
    public init(
        file: consuming FileDescriptor, decompressor: (any Decompressor)? = nil, limits: KernelLimits = KernelLimits()
    ) throws(KernelImageError) {
        let source = try FileSource(file)
        let parsed = try KernelImage.parse(source, limits: limits)
        let unpacked = try Unpacked(parsed, from: source, decompressor: decompressor, limits: limits)
        let loaded = try KernelContents(parsed, unpacked)
        container = parsed
        contents = loaded
        storage = if let buffer = unpacked?.buffer { .buffer(buffer) } else { .file(file) }
    }

    /// Opens a kernel in memory; the bytes are copied.
    public init(
        bytes: UnsafeRawBufferPointer, decompressor: (any Decompressor)? = nil, limits: KernelLimits = KernelLimits()
    ) throws(KernelImageError) {
        guard !bytes.isEmpty else { throw .empty }
        let source = BufferSource(bytes: bytes)
        let parsed = try KernelImage.parse(source, limits: limits)
        let unpacked = try Unpacked(parsed, from: source, decompressor: decompressor, limits: limits)
        let loaded = try KernelContents(parsed, unpacked)
        let buffer = try Self.buffer(unpacked, else: bytes)
        container = parsed
        contents = loaded
        storage = .buffer(buffer)
    }

    private static func buffer(
        _ unpacked: Unpacked?, else bytes: UnsafeRawBufferPointer
    ) throws(KernelImageError) -> HostBuffer {
        if let unpacked { return unpacked.buffer }
        let copy = try HostBuffer(byteCount: UInt64(bytes.count))
        copy.mutableBytes.copyMemory(from: bytes)
        return copy
    }
}

/// What of a kernel gets loaded, and what its container said about it.
public struct KernelContents: Sendable, Equatable {
    /// The image as it goes to guest memory; never `.packed`.
    public let image: KernelImage
    /// The processor.
    public let architecture: Architecture
    /// The bzImage's header, also when the kernel inside was unpacked on the host.
    public let setupHeader: SetupHeader?
    /// The kernel's name for itself, from a bzImage; else empty.
    public let versionString: String

    init(image: KernelImage, architecture: Architecture, from container: KernelImage) {
        self.image = image
        self.architecture = architecture
        if case .bzImage(let outer) = container {
            setupHeader = outer.setupHeader
            versionString = outer.versionString
        } else {
            setupHeader = nil
            versionString = ""
        }
    }

    init(_ container: KernelImage, _ unpacked: Unpacked?) throws(KernelImageError) {
        if let unpacked {
            self = unpacked.contents
        } else {
            try self.init(loadedAsIs: container)
        }
    }

    /// For a file whose bytes go to the guest unchanged.
    private init(loadedAsIs image: KernelImage) throws(KernelImageError) {
        guard let architecture = image.architecture else { throw .nestedCompression }
        if case .bzImage(let outer) = image {
            guard outer.setupHeader.version >= 0x20c else {
                throw .protocolTooOld(outer.setupHeader.version, needed: 0x20c)
            }
            guard outer.setupHeader.has64BitEntry else { throw .no64BitEntry }
        }
        self.init(image: image, architecture: architecture, from: image)
    }
}
