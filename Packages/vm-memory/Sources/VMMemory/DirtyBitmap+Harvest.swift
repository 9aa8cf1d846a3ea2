// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

extension DirtyBitmap {
    /// Takes the marks and clears them, without allocating.
    ///
    /// Bit `n % 64` of word `n / 64` is page `n`, as in the bitmap of `KVM_GET_DIRTY_LOG`.
    /// - Parameter words: receives one word for each 64 pages. Words that it has no room for stay marked; words past
    ///   the bitmap's are left alone.
    /// - Returns: the number of words written.
    @discardableResult
    public func harvest(into words: UnsafeMutableBufferPointer<UInt64>) -> Int {
        let count = min(words.count, wordCount)
        guard let base = words.baseAddress else { return 0 }
        for index in 0..<count {
            base[index] = take(UInt64(index))
        }
        return count
    }

    /// Takes the marks, clears them and joins them into words that hold other marks, such as the kernel's log of the
    /// same pages.
    @discardableResult
    public func harvest(joiningInto words: UnsafeMutableBufferPointer<UInt64>) -> Int {
        let count = min(words.count, wordCount)
        guard let base = words.baseAddress else { return 0 }
        for index in 0..<count {
            base[index] |= take(UInt64(index))
        }
        return count
    }

    /// Takes the marks, clears them and calls `body` with each run of consecutive dirty pages, in ascending order.
    /// - Parameter body: gets the first page and the number of pages. What it throws ends the walk; the run it got and
    ///   those after it in the same word are cleared then.
    public func harvest<Failure: Error>(_ body: (_ page: UInt64, _ count: UInt64) throws(Failure) -> Void)
        throws(Failure)
    {
        var start: UInt64 = 0
        var length: UInt64 = 0
        for index in 0..<UInt64(wordCount) {
            var word = take(index)
            while word != 0 {
                let skip = UInt64(word.trailingZeroBitCount)
                let run = UInt64((~(word >> skip)).trailingZeroBitCount)
                let page = index << 6 | skip
                if length > 0, start &+ length == page {
                    length &+= run
                } else {
                    if length > 0 { try body(start, length) }
                    (start, length) = (page, run)
                }
                word = skip &+ run >= 64 ? 0 : word & (UInt64.max << (skip &+ run))
            }
        }
        if length > 0 { try body(start, length) }
    }

    /// Marks the pages whose bits are set, such as those of the kernel's log; bits past the end are ignored.
    public func merge(_ words: UnsafeBufferPointer<UInt64>) {
        let count = min(words.count, wordCount)
        guard let base = words.baseAddress else { return }
        for index in 0..<count {
            let bits = base[index] & validBits(UInt64(index))
            if bits != 0 { view.set(UInt64(index), bits) }
        }
    }

    /// Clears the pages that hold one of the bytes. Bytes past the end are ignored.
    public func clear(byteOffset: UInt64, byteCount: UInt64) {
        guard byteCount > 0 else { return }
        let (sum, overflow) = byteOffset.addingReportingOverflow(byteCount &- 1)
        let first = byteOffset >> view.pageShift
        guard first < pageCount else { return }
        let last = min((overflow ? UInt64.max : sum) >> view.pageShift, pageCount &- 1)
        for index in (first >> 6)...(last >> 6) {
            var bits = UInt64.max
            if index == first >> 6 { bits &= UInt64.max << (first & 63) }
            if index == last >> 6 { bits &= UInt64.max >> (63 &- (last & 63)) }
            view.word(index).pointee.bitwiseAnd(~bits, ordering: .acquiringAndReleasing)
        }
    }

    /// Clears every mark.
    public func clearAll() {
        for index in 0..<UInt64(wordCount) { _ = take(index) }
    }

    private func take(_ index: UInt64) -> UInt64 {
        let word = view.word(index)
        // A look first keeps clean words, the common case, from being written. A mark that lands after it waits for the
        // next harvest, as it would had it landed after the exchange.
        if word.pointee.load(ordering: .relaxed) == 0 { return 0 }
        return word.pointee.exchange(0, ordering: .acquiringAndReleasing)
    }

    private func validBits(_ index: UInt64) -> UInt64 {
        let first = index << 6
        guard first < pageCount else { return 0 }
        let count = pageCount &- first
        return count >= 64 ? .max : (1 << count) &- 1
    }
}
