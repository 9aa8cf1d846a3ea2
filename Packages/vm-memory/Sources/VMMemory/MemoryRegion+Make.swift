// SPDX-License-Identifier: Apache-2.0
internal import CVMMemory
internal import Glibc
public import VMMSysUtil

extension MemoryRegion {
    /// Zeroed memory: private, or a memfd if the options say `isShared`.
    public static func anonymous(_ range: GuestRange, options: MappingOptions = .init()) throws(GuestMemoryError)
        -> MemoryRegion
    {
        if options.isShared { return try shared(range, options: options) }
        try check(range)
        let mapping = try Mapping.make(
            for: range, file: nil, fileOffset: 0, isShared: false, isWritable: true,
            page: options.pages.hugeByteCount ?? hostPageByteCount, options: options)
        return try MemoryRegion(
            range, mapping, file: nil, fileOffset: 0, isShared: false, hugePageByteCount: options.pages.hugeByteCount,
            options: options)
    }

    /// Zeroed memory in a memfd, which `withFile` lends to hand it to another process.
    ///
    /// The memfd is sealed against shrinking: a peer that truncates it would make every access here a signal.
    /// - Parameters:
    ///   - range: the guest addresses at which it appears.
    ///   - name: shown in `/proc/PID/maps`.
    ///   - options: pages, prefault, dirty tracking and the like.
    public static func shared(_ range: GuestRange, name: String = "guest", options: MappingOptions = .init())
        throws(GuestMemoryError) -> MemoryRegion
    {
        try check(range)
        func failure(_ operation: GuestMemoryError.Operation) -> GuestMemoryError {
            .system(operation, range.start, byteCount: range.byteCount, completed: 0, .last)
        }
        var flags: UInt32 = 0x1 | 0x2  // MFD_CLOEXEC | MFD_ALLOW_SEALING
        let page = options.pages.hugeByteCount ?? hostPageByteCount
        if let shift = options.pages.hugeShift {
            flags |= 0x4 | UInt32(bitPattern: shift) << 26  // MFD_HUGETLB and the page size
        }
        let number = memfd_create(name, flags)
        guard number >= 0 else { throw failure(.createMemory) }
        let file = FileDescriptor(owning: number)
        let (sum, overflow) = range.byteCount.addingReportingOverflow(page &- 1)
        guard !overflow, let fileByteCount = Int(exactly: sum & ~(page &- 1)) else {
            throw .system(.resize, range.start, byteCount: range.byteCount, completed: 0, .invalidArgument)
        }
        guard ftruncate(number, fileByteCount) == 0 else { throw failure(.resize) }
        let addSeals: Int32 = 1033  // F_ADD_SEALS
        guard fcntl(number, addSeals, 0x2 as Int32) == 0 else { throw failure(.seal) }  // F_SEAL_SHRINK
        let mapping = try Mapping.make(
            for: range, file: number, fileOffset: 0, isShared: true, isWritable: true, page: page, options: options)
        return try MemoryRegion(
            range, mapping, file: file, fileOffset: 0, isShared: true,
            hugePageByteCount: options.pages.hugeByteCount, options: options)
    }

    /// What a file's writes do.
    public enum FileSharing: Sendable {
        /// Writes reach the file.
        case shared
        /// Writes stay in this process; untouched pages show the file, and are shared with everyone who maps it.
        case privateCopyOnWrite
    }

    /// Memory that shows a part of a file.
    ///
    /// A regular file must be long enough now; if someone shortens it later, an access past its end is a signal.
    /// - Parameters:
    ///   - range: the guest addresses at which it appears.
    ///   - file: stays the caller's; the region keeps a duplicate.
    ///   - fileOffset: where the region starts in the file, a multiple of the page size.
    ///   - sharing: whether writes reach the file.
    ///   - options: pages, prefault, dirty tracking and the like.
    public static func file(
        _ range: GuestRange, _ file: borrowing FileDescriptor, fileOffset: UInt64 = 0, sharing: FileSharing,
        options: MappingOptions = .init()
    ) throws(GuestMemoryError) -> MemoryRegion {
        try check(range)
        var status = stat()
        guard fstat(file.rawValue, &status) == 0 else {
            throw .system(.status, range.start, byteCount: range.byteCount, completed: 0, .last)
        }
        if status.st_mode & S_IFMT == S_IFREG {
            let fileByteCount = UInt64(max(0, status.st_size))
            let (end, overflow) = fileOffset.addingReportingOverflow(range.byteCount)
            guard !overflow, end <= fileByteCount else {
                throw .fileTooShort(
                    fileByteCount: fileByteCount, fileOffset: fileOffset, byteCount: range.byteCount)
            }
        }
        var system = statfs()
        guard fstatfs(file.rawValue, &system) == 0 else {
            throw .system(.status, range.start, byteCount: range.byteCount, completed: 0, .last)
        }
        let hugetlbfs = 0x9584_58f6  // HUGETLBFS_MAGIC; its block size is that of its pages
        let huge = system.f_type == hugetlbfs ? UInt64(system.f_bsize) : nil
        let mapping = try Mapping.make(
            for: range, file: file.rawValue, fileOffset: fileOffset, isShared: sharing == .shared,
            isWritable: !options.isReadOnly, page: huge ?? hostPageByteCount, options: options)
        let duplicate: FileDescriptor
        do {
            duplicate = try file.duplicate()
        } catch {
            throw .system(.duplicate, range.start, byteCount: range.byteCount, completed: 0, error)
        }
        return try MemoryRegion(
            range, mapping, file: duplicate, fileOffset: fileOffset, isShared: sharing == .shared,
            hugePageByteCount: huge, options: options)
    }

    /// Memory that someone else mapped and unmaps, such as a device's window.
    /// - Parameters:
    ///   - range: the guest addresses at which it appears.
    ///   - hostAddress: at a page border; `range.byteCount` bytes there stay mapped as long as the region lives,
    ///     writable unless the options say read-only.
    ///   - options: of those, read-only and dirty tracking; the mapping itself stays as it is.
    public static func adopting(
        _ range: GuestRange, hostAddress: UnsafeMutableRawPointer, options: MappingOptions = .init()
    ) throws(GuestMemoryError) -> MemoryRegion {
        try check(range)
        let address = UInt64(UInt(bitPattern: hostAddress))
        guard address & (hostPageByteCount &- 1) == 0 else {
            throw .misalignedMapping(address, pageByteCount: hostPageByteCount)
        }
        guard let byteCount = Int(exactly: range.byteCount) else {
            throw .system(.map, range.start, byteCount: range.byteCount, completed: 0, .invalidArgument)
        }
        return try MemoryRegion(
            range, Mapping(adopting: hostAddress, byteCount: byteCount), file: nil, fileOffset: 0, isShared: false,
            hugePageByteCount: nil, options: options)
    }

    /// Refuses ranges that cannot be regions.
    private static func check(_ range: GuestRange) throws(GuestMemoryError) {
        guard !range.isEmpty else { throw .emptyRegion(range.start) }
        guard range.start.isAligned(to: 8) else { throw .misalignedRegion(range.start) }
    }
}
