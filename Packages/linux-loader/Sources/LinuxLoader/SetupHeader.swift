// SPDX-License-Identifier: Apache-2.0

/// The x86 setup header at offset 0x1f1 of a bzImage, checked for the fields that its version promises.
///
/// Field by field: Documentation/arch/x86/boot.rst, "Details of Header Fields".
public struct SetupHeader: Sendable, Equatable {
    /// "HdrS".
    static let magic: UInt32 = 0x5372_6448
    /// Where the header starts in the image and in `boot_params`.
    static let offset = 0x1f1
    /// `boot_params` has room up to here.
    static let largestEnd = 0x290

    /// The header's own bytes, from 0x1f1 to its end as the jump at 0x200 gives it.
    let bytes: [UInt8]
    private var fields: Fields { Fields(bytes) }

    /// The boot protocol version, such as 0x20f for 2.15.
    public let version: UInt16
    /// 512-byte sectors of setup code; 0 in the file means 4.
    public let setupSectors: UInt8
    /// The protected-mode code in units of 16 bytes.
    public let protectedModeParagraphs: UInt32
    /// `loadflags`.
    public let loadFlags: UInt8
    /// `xloadflags` (2.12), else 0.
    public let extendedLoadFlags: UInt16
    /// The highest address that the initrd's last byte may have.
    public let initrdAddressMax: UInt64
    /// `kernel_alignment`, the alignment of a relocated kernel.
    public let kernelAlignment: UInt64
    /// The kernel may be loaded at another address than it prefers.
    public let isRelocatable: Bool
    /// The longest command line without its NUL, in bytes.
    public let commandLineByteCount: Int
    /// The packed kernel, from the start of the protected-mode code; 0 before 2.08.
    public let payloadOffset: UInt64
    /// The packed kernel's size with the size field behind it; 0 before 2.08.
    public let payloadByteCount: UInt64
    /// Where the unpacked kernel wants to be (`pref_address`).
    public let preferredAddress: UInt64
    /// How much memory from there it needs before it looks at the memory map (`init_size`).
    public let initByteCount: UInt64
    /// `kernel_version`, relative to 0x200; 0 if absent.
    let versionStringOffset: UInt16

    /// Checks the first 0x290 bytes of a file, or what it has of them.
    init(prefix: Fields) throws(KernelImageError) {
        version = prefix.u16(0x206)
        guard version >= 0x200 else { throw .protocolTooOld(version, needed: 0x200) }
        // The byte at 0x201 is the operand of a short jump over the header, so it tells the end.
        let end = min(0x202 + Int(prefix.u8(0x201)), Self.largestEnd)
        let needed = Self.end(ofVersion: version)
        guard end >= needed else {
            throw .setupHeaderTooShort(byteCount: end - Self.offset, needed: needed - Self.offset)
        }
        guard prefix.count >= end else {
            throw .truncated(.setupHeader, needed: UInt64(end), available: UInt64(prefix.count))
        }
        bytes = Array(prefix.bytes[Self.offset..<end])

        let sectors = prefix.u8(0x1f1)
        setupSectors = sectors == 0 ? 4 : sectors
        // The upper half was not defined before 2.04.
        protectedModeParagraphs = version >= 0x204 ? prefix.u32(0x1f4) : UInt32(prefix.u16(0x1f4))
        loadFlags = prefix.u8(0x211)
        guard loadFlags & 1 != 0 else { throw .notLoadedHigh }
        versionStringOffset = prefix.u16(0x20e)
        extendedLoadFlags = version >= 0x20c ? prefix.u16(0x236) : 0
        initrdAddressMax = version >= 0x203 ? UInt64(prefix.u32(0x22c)) : 0x37ff_ffff
        isRelocatable = version >= 0x205 && prefix.u8(0x234) != 0
        commandLineByteCount = version >= 0x206 ? Int(prefix.u32(0x238)) : 255
        payloadOffset = version >= 0x208 ? UInt64(prefix.u32(0x248)) : 0
        payloadByteCount = version >= 0x208 ? UInt64(prefix.u32(0x24c)) : 0
        preferredAddress = version >= 0x20a ? prefix.u64(0x258) : 0x10_0000
        initByteCount = version >= 0x20a ? UInt64(prefix.u32(0x260)) : 0
        kernelAlignment = version >= 0x205 ? UInt64(prefix.u32(0x230)) : 0x20_0000
        if isRelocatable {
            guard kernelAlignment >= 4096, kernelAlignment & (kernelAlignment - 1) == 0 else {
                throw .kernelAlignment(kernelAlignment)
            }
        }
    }

    /// `XLF_KERNEL_64`: there is a 64-bit entry 0x200 bytes into the protected-mode code.
    public var has64BitEntry: Bool { extendedLoadFlags & 1 != 0 }
    /// `XLF_CAN_BE_LOADED_ABOVE_4G`: kernel, initrd and command line may lie above 4 GiB.
    public var canBeLoadedAbove4G: Bool { extendedLoadFlags & 2 != 0 }

    /// The end of the last field that each version defines.
    private static func end(ofVersion version: UInt16) -> Int {
        switch version {
        case ..<0x202: 0x226
        case 0x202: 0x22c
        case 0x203, 0x204: 0x230
        case 0x205: 0x236
        case 0x206: 0x23c
        case 0x207: 0x248
        case 0x208: 0x250
        case 0x209: 0x258
        case 0x20a: 0x264
        case 0x20b...0x20e: 0x268
        default: 0x26c
        }
    }
}
