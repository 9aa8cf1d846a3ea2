// SPDX-License-Identifier: Apache-2.0
internal import CVMMemory
internal import Glibc
public import VMMSysUtil

/// A range of guest memory and the mapping of this process that backs it.
///
/// It is unmapped when the last holder lets go of it. A `GuestMemory` holds its regions.
public final class MemoryRegion: Sendable {
    /// The guest addresses.
    public let range: GuestRange
    /// Where the first byte is mapped in this process; valid as long as the region lives. Guest memory is not Swift
    /// memory: access through this pointer is neither checked nor tracked, and a plain Swift load may be repeated or
    /// dropped by the compiler.
    public nonisolated(unsafe) let hostAddress: UnsafeMutableRawPointer
    /// Whether writes through `GuestMemory` are refused.
    public let isReadOnly: Bool
    /// Whether another process that has the file sees writes.
    public let isShared: Bool
    /// The pages that were written, if the region tracks them.
    public let dirtyBitmap: DirtyBitmap?
    /// The size of the pages from the hugetlb pool that back the region; nil for ordinary pages, or where it is not
    /// known (memory that someone else mapped).
    public let hugePageByteCount: UInt64?

    private let mapping: Mapping
    private let file: FileDescriptor?
    /// Where in its file the region starts; 0 without a file.
    public let fileOffset: UInt64

    init(
        _ range: GuestRange, _ mapping: consuming Mapping, file: consuming FileDescriptor?, fileOffset: UInt64,
        isShared: Bool, hugePageByteCount: UInt64?, options: MappingOptions
    ) throws(GuestMemoryError) {
        var bitmap: DirtyBitmap?
        if let page = options.dirtyPageByteCount {
            bitmap = try DirtyBitmap(byteCount: range.byteCount, pageByteCount: page)
        }
        self.range = range
        self.hostAddress = mapping.base
        self.isReadOnly = options.isReadOnly
        self.isShared = isShared
        self.dirtyBitmap = bitmap
        self.hugePageByteCount = hugePageByteCount
        self.mapping = mapping
        self.file = file
        self.fileOffset = fileOffset
    }

    /// Lends the descriptor of the file or memfd behind the region, to hand it to another process.
    /// - Returns: what `body` returns, or nil if there is no file.
    public func withFile<Result, Failure: Error>(
        _ body: (borrowing FileDescriptor) throws(Failure) -> Result
    ) throws(Failure) -> Result? {
        switch file {
        case .some(let file): try body(file)
        case .none: nil
        }
    }

    /// Advises the kernel on a part of the region.
    ///
    /// What discards contents (`dontNeed`, `remove`, `free`) marks nothing dirty.
    /// - Parameters:
    ///   - advice: as in madvise(2).
    ///   - byteOffset: a multiple of the page size, counted from the start of the region.
    ///   - byteCount: rounded up to whole pages by the kernel.
    public func advise(_ advice: MemoryAdvice, byteOffset: UInt64, byteCount: UInt64) throws(GuestMemoryError) {
        let (end, overflow) = byteOffset.addingReportingOverflow(byteCount)
        guard !overflow, end <= range.byteCount else {
            throw .outOfBounds(offset: byteOffset, byteCount: byteCount, sliceByteCount: range.byteCount)
        }
        // Both are at most the mapping's length, an Int.
        let errno = mapping.advise(
            advice.rawValue, byteOffset: Int(truncatingIfNeeded: byteOffset),
            byteCount: Int(truncatingIfNeeded: byteCount))
        if let errno {
            throw .system(
                .advise, GuestAddress(range.start.rawValue &+ byteOffset), byteCount: byteCount, completed: 0, errno)
        }
    }

    /// Advises the kernel on the whole region.
    public func advise(_ advice: MemoryAdvice) throws(GuestMemoryError) {
        try advise(advice, byteOffset: 0, byteCount: range.byteCount)
    }

    /// Whether the two regions map some of the same bytes of one file.
    public func sharesFileBytes(with other: MemoryRegion) -> Bool {
        guard let one = identity, let two = other.identity, one == two else { return false }
        // fileTooShort was checked, so the ends fit.
        return fileOffset < other.fileOffset &+ other.range.byteCount
            && other.fileOffset < fileOffset &+ range.byteCount
    }

    private var identity: FileIdentity? {
        withFile { (file) -> FileIdentity? in
            var status = stat()
            guard fstat(file.rawValue, &status) == 0 else { return nil }
            return FileIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino))
        } ?? nil
    }

    private struct FileIdentity: Equatable {
        let device: UInt64
        let inode: UInt64
    }
}
