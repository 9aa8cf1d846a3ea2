// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

/// Why guest memory could not be made or accessed.
public enum GuestMemoryError: Error, Equatable, Sendable {
    /// The list of regions is empty.
    case noRegions
    /// A region has no bytes.
    case emptyRegion(GuestAddress)
    /// A region starts at an address that is not a multiple of 8, so aligned guest fields would not be aligned here.
    case misalignedRegion(GuestAddress)
    /// The regions are not in ascending order; the address is of the first that is lower than the one before it.
    case unsortedRegions(GuestAddress)
    /// Two regions share bytes.
    case overlappingRegions(GuestRange, GuestRange)
    /// No region has exactly this start and length.
    case noSuchRegion(GuestRange)
    /// The access starts at an address that no region contains.
    case unmapped(GuestAddress)
    /// The access starts in a region and runs into a hole; the first `completed` bytes were transferred.
    case partial(GuestAddress, expected: UInt64, completed: UInt64)
    /// The access starts in a region but does not lie in it whole, where it must.
    case crossesRegion(GuestAddress, byteCount: UInt64)
    /// Address or offset plus length is 2^64 or more.
    case overflow(base: UInt64, offset: UInt64)
    /// The offset and length lie outside a slice.
    case outOfBounds(offset: UInt64, byteCount: UInt64, sliceByteCount: UInt64)
    /// A count of elements times their size is 2^64 or more.
    case tooBig(elementCount: UInt64, elementByteCount: UInt64)
    /// An atomic access at an address that is not a multiple of its size.
    case misaligned(GuestAddress, alignment: UInt64)
    /// A write to a read-only region.
    case readOnly(GuestAddress)
    /// The file ended after `completed` bytes.
    case endOfFile(GuestAddress, expected: UInt64, completed: UInt64)
    /// The file took no bytes after `completed` were written.
    case writeZero(GuestAddress, expected: UInt64, completed: UInt64)
    /// A file is shorter than the part of it that should be mapped.
    case fileTooShort(fileByteCount: UInt64, fileOffset: UInt64, byteCount: UInt64)
    /// A file offset or host address is not a multiple of the page size.
    case misalignedMapping(UInt64, pageByteCount: UInt64)
    /// The page size of a dirty bitmap is not a power of two.
    case badPageSize(UInt64)
    /// A system call failed, after `completed` bytes if it transfers any.
    case system(Operation, GuestAddress, byteCount: UInt64, completed: UInt64, Errno)

    /// The system call that failed.
    public enum Operation: String, Sendable {
        case map = "mmap", createMemory = "memfd_create", resize = "ftruncate", status = "fstat", seal = "fcntl"
        case duplicate = "dup", advise = "madvise", lock = "mlock", discard = "fallocate"
        case read = "read", write = "write", readAtOffset = "pread", writeAtOffset = "pwrite"
    }
}

extension GuestMemoryError: CustomStringConvertible {
    /// One line, cause last.
    public var description: String {
        switch self {
        case .noRegions: "guest memory: no regions"
        case .emptyRegion(let start): "region at \(start): no bytes"
        case .misalignedRegion(let start): "region at \(start): start is not a multiple of 8"
        case .unsortedRegions(let start): "region at \(start): lower than the region before it"
        case .overlappingRegions(let one, let two): "regions \(one) and \(two) overlap"
        case .noSuchRegion(let range): "no region is exactly \(range)"
        case .unmapped(let address): "guest address \(address): not in any region"
        case .partial(let address, let expected, let completed):
            "guest address \(address): \(completed) of \(expected) bytes before a hole"
        case .crossesRegion(let address, let byteCount):
            "guest address \(address): \(byteCount) bytes do not lie in one region"
        case .overflow(let base, let offset): "0x\(String(base, radix: 16)) plus \(offset) does not fit in 64 bits"
        case .outOfBounds(let offset, let byteCount, let sliceByteCount):
            "offset \(offset), \(byteCount) bytes: outside a slice of \(sliceByteCount) bytes"
        case .tooBig(let count, let size): "\(count) elements of \(size) bytes do not fit in 64 bits"
        case .misaligned(let address, let alignment): "guest address \(address): not a multiple of \(alignment)"
        case .readOnly(let address): "guest address \(address): in a read-only region"
        case .endOfFile(let address, let expected, let completed):
            "to guest address \(address): file ended after \(completed) of \(expected) bytes"
        case .writeZero(let address, let expected, let completed):
            "from guest address \(address): file took only \(completed) of \(expected) bytes"
        case .fileTooShort(let file, let offset, let byteCount):
            "cannot map \(byteCount) bytes at file offset \(offset): file has \(file) bytes"
        case .misalignedMapping(let value, let page):
            "cannot map at 0x\(String(value, radix: 16)): not a multiple of \(page)"
        case .badPageSize(let size): "dirty bitmap: page size \(size) is not a power of two"
        case .system(let operation, let address, let byteCount, let completed, let errno):
            "\(operation.rawValue) at guest address \(address), \(byteCount) bytes"
                + (completed == 0 ? ": " : ", after \(completed): ") + "\(errno)"
        }
    }
}
