// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

extension KernelImageError: CustomStringConvertible {
    /// One line, lower case, the cause last.
    public var description: String {
        switch self {
        case .read(let offset, let errno): "cannot read kernel at offset \(offset): \(errno)"
        case .notARegularFile: "kernel is not a regular file"
        case .empty: "kernel is empty"
        case .unknownFormat: "not a kernel: neither ELF, bzImage, arm64 Image, riscv64 Image nor a packed one"
        case .truncated(let part, let needed, let available):
            "kernel is truncated: \(part) needs \(needed) bytes, file has \(available)"
        case .elfClass(let value): "not a 64-bit ELF: class \(value)"
        case .elfByteOrder(let value): "not a little-endian ELF: data encoding \(value)"
        case .elfVersion(let value): "unknown ELF version \(value)"
        case .elfType(let value): "ELF is not an executable: type \(value)"
        case .elfMachine(let value): "ELF is for an unsupported machine: \(value)"
        case .elfProgramHeaderSize(let value): "ELF program header size is \(value), not 56"
        case .elfProgramHeaderCount(let count, let limit): "ELF has \(count) program headers, allowed are 1 to \(limit)"
        case .elfProgramHeaderOffset(let offset): "ELF program headers at \(offset) lie inside the ELF header"
        case .noLoadableSegment: "ELF has no loadable segment"
        case .segmentFileLargerThanMemory(let index, let file, let memory):
            "ELF segment \(index) has \(file) bytes in the file but \(memory) in memory"
        case .segmentAddressOverflow(let index, let address, let byteCount):
            "ELF segment \(index) at \(hex(address)) with \(byteCount) bytes ends past the address space"
        case .segmentsOverlap(let index, let other): "ELF segments \(index) and \(other) overlap in memory"
        case .entryOutsideSegments(let entry): "ELF entry \(hex(entry)) is in no loaded segment"
        case .malformedNote(let offset): "ELF note at offset \(offset) is malformed"
        case .malformedPVHNote: "ELF PVH note has no usable entry address"
        case .protocolTooOld(let version, let needed):
            "kernel speaks boot protocol \(protocolName(version)), needed is \(protocolName(needed))"
        case .notLoadedHigh: "kernel is a zImage, which loads low"
        case .setupHeaderTooShort(let byteCount, let needed):
            "setup header has \(byteCount) bytes, its version needs \(needed)"
        case .no64BitEntry: "kernel has no 64-bit entry"
        case .kernelAlignment(let value): "kernel alignment \(hex(value)) is not a power of two of at least 4096"
        case .payloadOutsideImage(let offset, let byteCount, let available):
            "payload at \(offset) with \(byteCount) bytes is not inside the code of \(available) bytes"
        case .bigEndian(let architecture): "\(architecture) image is big endian"
        case .imageSize(let architecture, let value): "\(architecture) image size \(hex(value)) is impossible"
        case .unknownCompression(let magic):
            "kernel is packed in an unknown way: first bytes \(magic.map { hexByte($0) }.joined(separator: " "))"
        case .noDecompressor(let compression): "kernel is packed with \(compression) and no decompressor was given"
        case .unpacking(let compression, let error): "cannot unpack \(compression) kernel: \(error)"
        case .unpackedTooLarge(let byteCount, let limit):
            "unpacked kernel needs \(byteCount) bytes, allowed are \(limit)"
        case .unpackedSize(let byteCount, let expected):
            "kernel unpacked to \(byteCount) bytes, not the \(expected) promised"
        case .hostMemory(let byteCount, let errno): "no memory for \(byteCount) bytes of unpacked kernel: \(errno)"
        case .nestedCompression: "kernel is packed twice"
        case .unexpectedPayload(let format): "packed kernel contains a \(format), which cannot be started from there"
        }
    }
}

func hex(_ value: UInt64) -> String { "0x" + String(value, radix: 16) }

private func hexByte(_ value: UInt8) -> String {
    let digits = String(value, radix: 16)
    return digits.count == 1 ? "0" + digits : digits
}

private func protocolName(_ version: UInt16) -> String {
    let minor = String(version & 0xff)
    return "\(version >> 8).\(minor.count == 1 ? "0" + minor : minor)"
}
