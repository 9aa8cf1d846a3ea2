// SPDX-License-Identifier: Apache-2.0

/// Memory for one of KVM's counted structures: a header, and entries right behind it.
struct FlexibleArray<Entry: BitwiseCopyable>: ~Copyable {
    /// The start, all zero at first.
    let header: UnsafeMutableRawPointer
    /// The entries; the buffer's bounds are the capacity, not the count in the header.
    let entries: UnsafeMutableBufferPointer<Entry>

    /// - Parameter capacity: the caller has checked it against the kernel's limit.
    init(headerByteCount: Int, capacity: Int) {
        let byteCount = headerByteCount + capacity * MemoryLayout<Entry>.stride
        header = .allocate(byteCount: byteCount, alignment: 16)
        header.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
        entries = UnsafeMutableBufferPointer(
            start: (header + headerByteCount).assumingMemoryBound(to: Entry.self), count: capacity)
    }

    deinit { header.deallocate() }

    /// The header's first word, where most of these structures count their entries.
    var count: UInt32 {
        get { header.load(as: UInt32.self) }
        nonmutating set { header.storeBytes(of: newValue, as: UInt32.self) }
    }

    /// The first entries, as many as the header now counts, but never more than there are.
    func counted() -> [Entry] { Array(entries.prefix(Int(count))) }
}
