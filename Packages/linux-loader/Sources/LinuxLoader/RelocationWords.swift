// SPDX-License-Identifier: Apache-2.0
internal import VMMemory

/// A relocation table read from its file.
struct RelocationWords {
    private let words: [UInt32]

    init(_ source: some ImageSource, _ table: RelocationTable) throws(KernelImageError) {
        guard let count = Int(exactly: table.byteCount) else {
            throw .truncated(.relocations, needed: table.byteCount, available: source.byteCount)
        }
        try source.check(.relocations, at: table.fileOffset, count: table.byteCount)
        var values = [UInt32](repeating: 0, count: count / 4)
        var failure: KernelImageError?
        values.withUnsafeMutableBytes { buffer in
            do throws(KernelImageError) {
                try source.read(at: table.fileOffset, into: buffer)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        words = values
    }

    /// Moves every value that the table names by the offset.
    ///
    /// Values wrap as the kernel's own decompressor lets them; places must lie in bytes that came from the file.
    func apply(
        _ relocation: BootPlan.Relocation, segments: [BootPlan.Segment], in memory: GuestMemory
    ) throws(KernelLoadError) {
        guard let groups = words.withUnsafeBufferPointer({ RelocationTable.groups($0) }) else {
            throw .malformedRelocations
        }
        var views: [VolatileSlice] = []
        for segment in segments where segment.fileByteCount > 0 {
            do throws(GuestMemoryError) {
                let view = try memory.slice(at: segment.range.start, byteCount: segment.fileByteCount)
                try view.markDirty(atByteOffset: 0, byteCount: segment.fileByteCount)
                views.append(view)
            } catch {
                throw .memory(.kernel, error)
            }
        }
        var places = Places(views)
        let offset32 = UInt32(truncatingIfNeeded: relocation.offset)
        try places.add(offset32, to: words[groups.add32])
        try places.add(0 &- offset32, to: words[groups.subtract32])
        try places.add(relocation.offset, to: words[groups.add64])
        // The slices keep nothing alive by themselves, but the memory that they point into is the caller's argument.
        withExtendedLifetime(memory) {}
    }

    /// Finds the segment of a place; places come sorted, so the last one found is nearly always right.
    ///
    /// Hundreds of thousands of values, most of them inside instructions and so misaligned, are changed through the host
    /// address: no guest runs yet that could see one half done, and a loop over `VolatileSlice` takes twice as long.
    private struct Places {
        struct View {
            let start: UInt64
            let byteCount: UInt64
            let host: UnsafeMutableRawPointer

            /// Where `width` bytes at a guest address are, if all of them are inside.
            func pointer(_ address: UInt64, _ width: UInt64) -> UnsafeMutableRawPointer? {
                let (offset, below) = address.subtractingReportingOverflow(start)
                guard !below, byteCount >= width, offset <= byteCount &- width else { return nil }
                return host + Int(truncatingIfNeeded: offset)
            }
        }

        let views: [View]
        var current: View?

        init(_ slices: [VolatileSlice]) {
            views = slices.map {
                View(start: $0.guestAddress.rawValue, byteCount: $0.byteCount, host: $0.hostAddress)
            }
            current = views.first
        }

        mutating func add<T: FixedWidthInteger & BitwiseCopyable>(
            _ amount: T, to places: ArraySlice<UInt32>
        ) throws(KernelLoadError) {
            let width = UInt64(MemoryLayout<T>.size)
            for word in places {
                let address = UInt64(bitPattern: Int64(Int32(bitPattern: word)))
                let physical = address &- RelocationTable.kernelMap
                guard let pointer = current?.pointer(physical, width) ?? find(physical, width) else {
                    throw .relocationOutsideKernel(address)
                }
                // Kernel images are little endian, as is every host that this package runs on.
                pointer.storeBytes(of: pointer.loadUnaligned(as: T.self) &+ amount, as: T.self)
            }
        }

        private mutating func find(_ address: UInt64, _ width: UInt64) -> UnsafeMutableRawPointer? {
            for view in views {
                guard let pointer = view.pointer(address, width) else { continue }
                current = view
                return pointer
            }
            return nil
        }
    }
}
