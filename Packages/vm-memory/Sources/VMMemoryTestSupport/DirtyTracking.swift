// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// Checks that accesses to a region mark exactly the pages that they wrote, whatever type the access goes through.
public struct DirtyTrackingCheck {
    private let bitmap: DirtyBitmap
    private let regionByteCount: UInt64
    /// One line for each access that marked too much or too little; empty if all is well.
    public private(set) var failures: [String] = []

    /// Checks accesses to a region that tracks writes; nil for one that does not.
    public init?(_ region: MemoryRegion) {
        guard let bitmap = region.dirtyBitmap else { return nil }
        self.bitmap = bitmap
        self.regionByteCount = region.range.byteCount
    }

    /// Makes an access that writes `byteCount` bytes around every page border.
    /// - Parameters:
    ///   - name: what is accessed and how, for the report.
    ///   - byteCount: how many bytes the access writes.
    ///   - alignment: the offsets are multiples of it.
    ///   - access: makes the access at an offset from the start of the region.
    public mutating func write(
        _ name: String, _ byteCount: UInt64, alignment: UInt64 = 1, _ access: (_ offset: UInt64) throws -> Void
    ) {
        check(name, byteCount, alignment, isWrite: true, access)
    }

    /// Makes an access that reads `byteCount` bytes around every page border, and so should mark nothing.
    public mutating func read(
        _ name: String, _ byteCount: UInt64, alignment: UInt64 = 1, _ access: (_ offset: UInt64) throws -> Void
    ) {
        check(name, byteCount, alignment, isWrite: false, access)
    }

    private mutating func check(
        _ name: String, _ byteCount: UInt64, _ alignment: UInt64, isWrite: Bool, _ access: (UInt64) throws -> Void
    ) {
        let page = bitmap.pageByteCount
        for border in stride(from: 0, through: regionByteCount, by: Int(page)) {
            for (before, after) in [(byteCount, 0), (byteCount / 2, 0), (1, 0), (0, 0), (0, 1)] as [(UInt64, UInt64)] {
                guard border >= before else { continue }
                let wanted = border - before + after
                let offset = wanted - wanted % alignment
                guard offset <= regionByteCount, byteCount <= regionByteCount - offset else { continue }
                bitmap.clearAll()
                do {
                    try access(offset)
                } catch {
                    failures.append("\(name) at \(offset): \(error)")
                    continue
                }
                for index in 0..<bitmap.pageCount {
                    let first = index * page
                    let isTouched = byteCount > 0 && offset < first + page && first < offset + byteCount
                    if bitmap.isPageDirty(index) != (isWrite && isTouched) {
                        failures.append("\(name) at \(offset): page \(index) is \(isTouched ? "clean" : "dirty")")
                    }
                }
            }
        }
        bitmap.clearAll()
    }
}
