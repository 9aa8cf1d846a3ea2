// SPDX-License-Identifier: Apache-2.0
internal import CVMMemory
internal import Glibc
internal import VMMSysUtil

/// One mapping of this process, unmapped when it goes; the only place that maps.
struct Mapping: ~Copyable, @unchecked Sendable {
    /// The first byte, at a page border.
    let base: UnsafeMutableRawPointer
    /// The mapped length, a whole number of pages.
    let byteCount: Int
    /// Whether the memory is unmapped when this value goes; not so for memory that someone else mapped.
    private let isOwned: Bool

    /// Wraps memory that someone else mapped and unmaps.
    init(adopting base: UnsafeMutableRawPointer, byteCount: Int) {
        self.init(base, byteCount, isOwned: false)
    }

    private init(_ base: UnsafeMutableRawPointer, _ byteCount: Int, isOwned: Bool) {
        self.base = base
        self.byteCount = byteCount
        self.isOwned = isOwned
    }

    /// Maps `range.byteCount` bytes, at no address that the caller could choose: that could replace what is mapped already.
    /// - Parameters:
    ///   - file: a descriptor, or nil for anonymous memory.
    ///   - fileOffset: a multiple of the page size.
    ///   - page: the size of the pages; `munmap` refuses a part of a huge one.
    static func make(
        for range: GuestRange, file: Int32?, fileOffset: UInt64, isShared: Bool, isWritable: Bool, page: UInt64,
        options: MappingOptions
    ) throws(GuestMemoryError) -> Mapping {
        func failure(_ operation: GuestMemoryError.Operation, _ errno: Errno) -> GuestMemoryError {
            .system(operation, range.start, byteCount: range.byteCount, completed: 0, errno)
        }
        guard fileOffset & (page &- 1) == 0 else { throw .misalignedMapping(fileOffset, pageByteCount: page) }
        let (sum, overflow) = range.byteCount.addingReportingOverflow(page &- 1)
        guard !overflow, let byteCount = Int(exactly: sum & ~(page &- 1)), byteCount > 0,
            let offset = Int(exactly: fileOffset)
        else { throw failure(.map, .invalidArgument) }

        var flags = isShared ? Int32(MAP_SHARED) : Int32(MAP_PRIVATE)
        if file == nil { flags |= Int32(MAP_ANONYMOUS) }
        // Huge pages are always reserved: without, an empty pool is a signal on first touch instead of an error here.
        if !options.isReserved, page == hostPageByteCount { flags |= Int32(MAP_NORESERVE) }
        if options.prefault == .populate { flags |= Int32(MAP_POPULATE) }
        // A memfd made with huge pages is huge without the flag, and anonymous memory only with it.
        if file == nil, let shift = options.pages.hugeShift { flags |= Int32(MAP_HUGETLB) | shift << 26 }
        let protection = isWritable ? PROT_READ | PROT_WRITE : PROT_READ
        let place = page == hostPageByteCount ? reserve(byteCount, alike: range.start) : nil
        if place != nil { flags |= Int32(MAP_FIXED) }
        guard let base = mmap(place, byteCount, protection, flags, file ?? -1, offset), base != MAP_FAILED else {
            let errno = Errno.last
            if let place { munmap(place, byteCount) }
            throw failure(.map, errno)
        }
        let mapping = Mapping(base, byteCount, isOwned: true)
        try mapping.prepare(for: range, isWritable: isWritable, options: options)
        return mapping
    }

    /// Reserves room where host and guest address agree in their last 21 bits.
    ///
    /// Only then can a huge page of the host be one of the nested page tables too; elsewhere KVM maps 4 KiB at a time,
    /// and a Linux guest takes 17,000 faults more to boot. A kernel older than 6.7 does not align by itself.
    /// - Returns: nil for what is smaller than a huge page, or if there is no room.
    private static func reserve(_ byteCount: Int, alike guest: GuestAddress) -> UnsafeMutableRawPointer? {
        let huge = 2 << 20
        let (total, overflow) = byteCount.addingReportingOverflow(huge)
        guard byteCount >= huge, !overflow else { return nil }
        let flags = Int32(MAP_PRIVATE) | Int32(MAP_ANONYMOUS) | Int32(MAP_NORESERVE)
        guard let room = mmap(nil, total, PROT_NONE, flags, -1, 0), room != MAP_FAILED else { return nil }
        let distance = (Int(truncatingIfNeeded: guest.rawValue) &- Int(bitPattern: room)) & (huge - 1)
        let place = room + distance
        if distance > 0 { munmap(room, distance) }
        if distance < huge { munmap(place + byteCount, huge - distance) }
        return place
    }

    deinit {
        if isOwned { munmap(base, byteCount) }
    }

    /// Applies the options that are system calls of their own.
    private borrowing func prepare(for range: GuestRange, isWritable: Bool, options: MappingOptions)
        throws(GuestMemoryError)
    {
        func failure(_ operation: GuestMemoryError.Operation, _ errno: Errno) -> GuestMemoryError {
            .system(operation, range.start, byteCount: range.byteCount, completed: 0, errno)
        }
        var advice: [MemoryAdvice] = []
        if options.pages == .transparentHuge { advice.append(.hugePage) }
        if options.isMergeable { advice.append(.mergeable) }
        if !options.isDumped { advice.append(.dontDump) }
        if options.prefault == .populateWrite { advice.append(isWritable ? .populateWrite : .populateRead) }
        for item in advice {
            if let errno = advise(item.rawValue, byteOffset: 0, byteCount: byteCount) { throw failure(.advise, errno) }
        }
        if !options.isInherited, let errno = advise(MADV_DONTFORK, byteOffset: 0, byteCount: byteCount) {
            throw failure(.advise, errno)
        }
        if options.isLocked, mlock(base, byteCount) != 0 { throw failure(.lock, .last) }
    }

    /// Calls `madvise`; the caller has checked the bounds.
    /// - Returns: the error, or nil.
    borrowing func advise(_ advice: Int32, byteOffset: Int, byteCount: Int) -> Errno? {
        while madvise(base + byteOffset, byteCount, advice) != 0 {
            // Populating may be interrupted by a signal and goes on where it stopped.
            let errno = Errno.last
            if errno != .interrupted { return errno }
        }
        return nil
    }
}

/// The size of an ordinary page of the host in bytes.
let hostPageByteCount = UInt64(sysconf(Int32(_SC_PAGESIZE)))

extension MemoryAdvice {
    /// The number from `<asm-generic/mman-common.h>`; the newest two are not in every C library's header.
    var rawValue: Int32 {
        switch self {
        case .dontNeed: 4
        case .remove: 9
        case .free: 8
        case .hugePage: 14
        case .noHugePage: 15
        case .mergeable: 12
        case .unmergeable: 13
        case .willNeed: 3
        case .populateRead: 22
        case .populateWrite: 23
        case .dontDump: 16
        case .cold: 20
        case .pageOut: 21
        }
    }
}

private let MADV_DONTFORK: Int32 = 10
