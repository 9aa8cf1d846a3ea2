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
        let views = try segments.filter { $0.fileByteCount >= 4 }.map { (segment) throws(KernelLoadError) in
            try KernelLoadError.wrap(.kernel) { () throws(GuestMemoryError) in
                try memory.slice(at: segment.range.start, byteCount: segment.fileByteCount)
            }
        }
        guard let groups = words.withUnsafeBufferPointer({ RelocationTable.groups($0) }) else {
            throw .malformedRelocations
        }
        let offset32 = UInt32(truncatingIfNeeded: relocation.offset)
        var places = Places(views)
        for word in words[groups.add32] {
            try places.update(word, as: UInt32.self) { $0 &+ offset32 }
        }
        for word in words[groups.subtract32] {
            try places.update(word, as: UInt32.self) { $0 &- offset32 }
        }
        for word in words[groups.add64] {
            try places.update(word, as: UInt64.self) { $0 &+ relocation.offset }
        }
    }

    /// Finds the segment of a place; places come sorted, so the last one found is nearly always right.
    private struct Places {
        let views: [VolatileSlice]
        var current: VolatileSlice?

        init(_ views: [VolatileSlice]) {
            self.views = views
            current = views.first
        }

        @inline(__always)
        mutating func update<T: GuestInteger & FixedWidthInteger>(
            _ word: UInt32, as type: T.Type, _ change: (T) -> T
        ) throws(KernelLoadError) {
            let address = UInt64(bitPattern: Int64(Int32(bitPattern: word)))
            let width = UInt64(MemoryLayout<T>.size)
            let physical = address &- RelocationTable.kernelMap
            if let view = current, let offset = Self.offset(of: physical, width: width, in: view) {
                return try Self.update(view, offset, change)
            }
            for view in views {
                guard let offset = Self.offset(of: physical, width: width, in: view) else { continue }
                current = view
                return try Self.update(view, offset, change)
            }
            throw .relocationOutsideKernel(address)
        }

        private static func offset(of address: UInt64, width: UInt64, in view: VolatileSlice) -> UInt64? {
            let (offset, below) = address.subtractingReportingOverflow(view.guestAddress.rawValue)
            return !below && view.byteCount >= width && offset <= view.byteCount &- width ? offset : nil
        }

        private static func update<T: GuestInteger & FixedWidthInteger>(
            _ view: VolatileSlice, _ offset: UInt64, _ change: (T) -> T
        ) throws(KernelLoadError) {
            do throws(GuestMemoryError) {
                try view.store(change(try view.load(T.self, atByteOffset: offset)), atByteOffset: offset)
            } catch {
                throw .memory(.kernel, error)
            }
        }
    }
}
