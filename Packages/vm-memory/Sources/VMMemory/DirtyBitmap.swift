// SPDX-License-Identifier: Apache-2.0
public import Synchronization

/// Which pages of a region were written: one bit a page, set and harvested by any thread at any time.
///
/// A write marks its pages after the bytes are in memory, and a harvest clears them before its caller reads the bytes,
/// so a write is seen by this harvest or the next, never by none.
public final class DirtyBitmap: Sendable {
    /// The bytes that one bit stands for, a power of two.
    public let pageByteCount: UInt64
    /// The number of bits.
    public var pageCount: UInt64 { view.pageCount }
    /// The number of 64-bit words that a harvest yields.
    public let wordCount: Int
    /// The bits, for accessors that must not count references.
    @usableFromInline let view: DirtyView

    /// Makes a clean bitmap.
    /// - Parameters:
    ///   - byteCount: the length to track; a last part of a page counts as a page.
    ///   - pageByteCount: a power of two.
    public init(byteCount: UInt64, pageByteCount: UInt64 = 4096) throws(GuestMemoryError) {
        guard pageByteCount.nonzeroBitCount == 1 else { throw .badPageSize(pageByteCount) }
        let shift = UInt64(pageByteCount.trailingZeroBitCount)
        let pageCount = (byteCount >> shift) &+ (byteCount & (pageByteCount &- 1) == 0 ? 0 : 1)
        // At most 2^58 words, so this fits; what the allocator cannot give ends the process as any allocation would.
        let wordCount = max(1, Int(truncatingIfNeeded: (pageCount >> 6) &+ (pageCount & 63 == 0 ? 0 : 1)))
        let words = UnsafeMutablePointer<UInt64>.allocate(capacity: wordCount)
        words.initialize(repeating: 0, count: wordCount)
        self.pageByteCount = pageByteCount
        self.wordCount = wordCount
        self.view = DirtyView(words: words, pageCount: pageCount, pageShift: shift)
    }

    deinit { view.words.deallocate() }

    /// Marks every page that holds one of the bytes. Bytes past the end are ignored; no bytes mark nothing.
    @inlinable
    public func mark(byteOffset: UInt64, byteCount: UInt64) { view.mark(byteOffset, byteCount) }

    /// Whether the page that holds the byte is marked; false past the end.
    public func isDirty(byteOffset: UInt64) -> Bool { isPageDirty(byteOffset >> view.pageShift) }

    /// Whether the page of that number is marked; false past the end.
    public func isPageDirty(_ page: UInt64) -> Bool {
        guard page < pageCount else { return false }
        return view.word(page >> 6).pointee.load(ordering: .acquiring) & (1 << (page & 63)) != 0
    }

    /// How many pages are marked.
    public var dirtyPageCount: UInt64 {
        var count: UInt64 = 0
        for index in 0..<UInt64(wordCount) {
            count &+= UInt64(view.word(index).pointee.load(ordering: .acquiring).nonzeroBitCount)
        }
        return count
    }

    /// A larger bitmap with the same page size and the marks that this one has now.
    ///
    /// Both are independent afterwards: give the new one to the writers before the old one's last marks are harvested.
    public func enlarged(byAdding byteCount: UInt64) throws(GuestMemoryError) -> DirtyBitmap {
        let old = pageCount << view.pageShift
        let (sum, overflow) = old.addingReportingOverflow(byteCount)
        guard !overflow else { throw .overflow(base: old, offset: byteCount) }
        let larger = try DirtyBitmap(byteCount: sum, pageByteCount: pageByteCount)
        for index in 0..<UInt64(wordCount) {
            larger.view.word(index).pointee
                .store(view.word(index).pointee.load(ordering: .acquiring), ordering: .releasing)
        }
        return larger
    }
}

/// The bits of a `DirtyBitmap` as plain values, valid as long as that lives: copying it counts no reference.
@frozen @usableFromInline
struct DirtyView: @unchecked Sendable {
    @usableFromInline let words: UnsafeMutablePointer<UInt64>
    @usableFromInline let pageCount: UInt64
    @usableFromInline let pageShift: UInt64

    @inlinable
    init(words: UnsafeMutablePointer<UInt64>, pageCount: UInt64, pageShift: UInt64) {
        self.words = words
        self.pageCount = pageCount
        self.pageShift = pageShift
    }

    /// The word of that index, which the caller has checked.
    @inlinable @inline(__always)
    func word(_ index: UInt64) -> UnsafeMutablePointer<Atomic<UInt64>> {
        UnsafeMutableRawPointer(words + Int(truncatingIfNeeded: index)).assumingMemoryBound(to: Atomic<UInt64>.self)
    }

    /// Marks the pages of the bytes; see `DirtyBitmap.mark`.
    @inlinable
    func mark(_ byteOffset: UInt64, _ byteCount: UInt64) {
        guard byteCount > 0 else { return }
        let (sum, overflow) = byteOffset.addingReportingOverflow(byteCount &- 1)
        let first = byteOffset >> pageShift
        let last = (overflow ? UInt64.max : sum) >> pageShift
        if first == last {
            // Always a read-modify-write: to look first and skip a set bit would lose the write if a harvest clears the
            // bit between the look and the moment the bytes leave this CPU's store buffer.
            if first < pageCount { set(first >> 6, 1 << (first & 63)) }
        } else {
            markRange(first, last)
        }
    }

    /// One read-modify-write for each 64 pages.
    @usableFromInline
    func markRange(_ first: UInt64, _ last: UInt64) {
        guard first < pageCount else { return }
        let last = min(last, pageCount &- 1)
        let (firstWord, lastWord) = (first >> 6, last >> 6)
        let head = UInt64.max << (first & 63)
        let tail = UInt64.max >> (63 &- (last & 63))
        if firstWord == lastWord { return set(firstWord, head & tail) }
        set(firstWord, head)
        for index in (firstWord &+ 1)..<lastWord { set(index, .max) }
        set(lastWord, tail)
    }

    @inlinable @inline(__always)
    func set(_ index: UInt64, _ bits: UInt64) {
        word(index).pointee.bitwiseOr(bits, ordering: .acquiringAndReleasing)
    }
}
