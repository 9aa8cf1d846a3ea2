// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

/// Why a file is not a kernel that can be loaded. Every case reads as one line.
public enum KernelImageError: Error, Equatable, Sendable {
    /// The file could not be read at this offset.
    case read(offset: UInt64, Errno)
    /// Not a regular file, so it has no size that can be checked beforehand.
    case notARegularFile
    /// No bytes at all.
    case empty
    /// None of the formats that `KernelFormat` lists.
    case unknownFormat
    /// A part reaches past the end of the file.
    case truncated(ImagePart, needed: UInt64, available: UInt64)

    /// Not 64-bit: `EI_CLASS` is not 2.
    case elfClass(UInt8)
    /// Not little endian: `EI_DATA` is not 1.
    case elfByteOrder(UInt8)
    /// `EI_VERSION` or `e_version` is not 1.
    case elfVersion(UInt32)
    /// Neither `ET_EXEC` nor `ET_DYN`.
    case elfType(UInt16)
    /// An `e_machine` that is none of x86_64, arm64, riscv64.
    case elfMachine(UInt16)
    /// `e_phentsize` is not 56.
    case elfProgramHeaderSize(UInt16)
    /// No program header, or more than `KernelLimits.programHeaders`.
    case elfProgramHeaderCount(Int, limit: Int)
    /// The program header table lies inside the ELF header.
    case elfProgramHeaderOffset(UInt64)
    /// No `PT_LOAD` segment with bytes in memory.
    case noLoadableSegment
    /// `p_filesz` exceeds `p_memsz`.
    case segmentFileLargerThanMemory(index: Int, file: UInt64, memory: UInt64)
    /// `p_paddr + p_memsz` overflows.
    case segmentAddressOverflow(index: Int, address: UInt64, byteCount: UInt64)
    /// Two segments claim the same memory.
    case segmentsOverlap(index: Int, other: Int)
    /// The entry lies in no loaded segment.
    case entryOutsideSegments(UInt64)
    /// A note's name or descriptor reaches past its segment, or the segment is larger than 64 KiB.
    case malformedNote(offset: UInt64)
    /// The PVH note's descriptor is not 4 or 8 bytes, or its address is above 4 GiB or in no segment.
    case malformedPVHNote

    /// The x86 boot protocol's version is below what is needed (2.12 for the 64-bit entry).
    case protocolTooOld(UInt16, needed: UInt16)
    /// A zImage: `LOADED_HIGH` is clear.
    case notLoadedHigh
    /// The header ends before fields that its version promises.
    case setupHeaderTooShort(byteCount: Int, needed: Int)
    /// `XLF_KERNEL_64` is clear: there is no 64-bit entry.
    case no64BitEntry
    /// The kernel alignment is not a power of two of at least 4 KiB.
    case kernelAlignment(UInt64)
    /// The payload is empty or lies outside the protected-mode code.
    case payloadOutsideImage(offset: UInt64, byteCount: UInt64, available: UInt64)

    /// A big-endian arm64 or riscv64 image.
    case bigEndian(Architecture)
    /// An arm64 or riscv64 header whose text offset or size cannot be real.
    case imageSize(Architecture, UInt64)

    /// A packed payload that no known magic opens; its first bytes.
    case unknownCompression([UInt8])
    /// Packed, and the caller gave no decompressor.
    case noDecompressor(Compression)
    /// The decompressor refused the bytes.
    case unpacking(Compression, DecompressionError)
    /// More bytes than `KernelLimits.unpackedByteCount`.
    case unpackedTooLarge(UInt64, limit: UInt64)
    /// The payload did not unpack to the size written behind it.
    case unpackedSize(UInt64, expected: UInt64)
    /// The host has no memory for the unpacked kernel.
    case hostMemory(byteCount: UInt64, Errno)
    /// Something packed inside something packed.
    case nestedCompression
    /// The unpacked payload is not what this container may hold.
    case unexpectedPayload(KernelFormat)
}

/// The part of an image that an error speaks of.
public enum ImagePart: String, Sendable, Hashable, CustomStringConvertible {
    case file = "file"
    case elfHeader = "ELF header"
    case programHeaders = "program header table"
    case segment = "segment"
    case noteSegment = "note segment"
    case setupHeader = "setup header"
    case setupCode = "setup code"
    case protectedModeCode = "protected-mode code"
    case payload = "payload"
    case imageHeader = "image header"
    case relocations = "relocation table"

    /// The name as it stands in messages.
    public var description: String { rawValue }
}
