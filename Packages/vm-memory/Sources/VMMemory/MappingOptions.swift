// SPDX-License-Identifier: Apache-2.0

/// How memory is mapped into this process.
///
/// The default is private memory in normal pages, faulted in on first use, without a reservation of swap.
public struct MappingOptions: Equatable, Sendable {
    /// The pages that back the memory.
    public enum Pages: Equatable, Sendable {
        /// The kernel's ordinary pages and its default policy for joining them.
        case normal
        /// Ordinary pages that the kernel is asked to join into huge ones (`MADV_HUGEPAGE`).
        case transparentHuge
        /// Pages of 2 MiB from the host's hugetlb pool.
        case huge2MiB
        /// Pages of 1 GiB from the host's hugetlb pool.
        case huge1GiB

        /// log2 of the page size, for the two kinds that come from the hugetlb pool.
        var hugeShift: Int32? {
            switch self {
            case .normal, .transparentHuge: nil
            case .huge2MiB: 21
            case .huge1GiB: 30
            }
        }

        /// The page size for those two kinds.
        var hugeByteCount: UInt64? { hugeShift.map { 1 << UInt64($0) } }
    }

    /// When the pages are brought in.
    public enum Prefault: Equatable, Sendable {
        /// When they are first touched.
        case none
        /// At once, read or written as the mapping allows (`MAP_POPULATE`). The kernel ignores failures.
        case populate
        /// At once and writable (`MADV_POPULATE_WRITE`, Linux 5.14). Fails if the memory is not there.
        case populateWrite
    }

    /// The memory is a memfd that another process can map too, rather than private to this one. Only anonymous
    /// memory looks at it.
    public var isShared = false
    /// The pages that back the memory. A file's are its file system's; there, only `transparentHuge` says anything.
    public var pages = Pages.normal
    /// When the pages are brought in.
    public var prefault = Prefault.none
    /// Writes through `GuestMemory` are refused. A file is mapped without write permission, too; anonymous memory stays
    /// writable through `hostAddress`, so that whoever makes a ROM can fill it.
    public var isReadOnly = false
    /// The page size of the region's dirty bitmap, a power of two; nil for no bitmap.
    public var dirtyPageByteCount: UInt64?
    /// Equal pages may be merged with those of other processes (`MADV_MERGEABLE`). Tells tenants apart by timing: off.
    public var isMergeable = false
    /// The memory stays out of core dumps (`MADV_DONTDUMP`).
    public var isDumped = true
    /// The memory is not inherited by a child of `fork` (`MADV_DONTFORK`).
    public var isInherited = true
    /// The pages are never swapped out (`mlock`).
    public var isLocked = false
    /// Swap space is set aside for the whole mapping when it is made, so that running out is an error then and not a
    /// signal later. Huge pages from the pool always are.
    public var isReserved = false

    /// The default.
    public init() {}

    /// Options that differ from the default in what is named.
    public init(
        isShared: Bool = false, pages: Pages = .normal, prefault: Prefault = .none, isReadOnly: Bool = false,
        dirtyPageByteCount: UInt64? = nil
    ) {
        self.isShared = isShared
        self.pages = pages
        self.prefault = prefault
        self.isReadOnly = isReadOnly
        self.dirtyPageByteCount = dirtyPageByteCount
    }
}

/// Advice on memory that is mapped already.
public enum MemoryAdvice: Equatable, Sendable {
    /// The contents are not needed: private anonymous memory reads as zero afterwards, a file's as the file.
    case dontNeed
    /// The contents are not needed and the backing file's blocks are given back (`MADV_REMOVE`): shared memory reads as
    /// zero afterwards.
    case remove
    /// The pages may be taken when memory is short (`MADV_FREE`); private anonymous memory only.
    case free
    /// Join ordinary pages into huge ones.
    case hugePage
    /// Do not join pages into huge ones.
    case noHugePage
    /// Equal pages may be merged.
    case mergeable
    /// Equal pages are kept apart again.
    case unmergeable
    /// The pages will be read soon.
    case willNeed
    /// Bring the pages in, writable.
    case populateWrite
    /// Bring the pages in, readable.
    case populateRead
    /// Stay out of core dumps.
    case dontDump
    /// The pages are cold, reclaim them first.
    case cold
    /// Reclaim the pages now.
    case pageOut
}
