// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// One way to access tracked memory, for the check that it marks exactly the pages that it wrote.
public struct TrackedAccess {
    /// What is accessed and how, for the report.
    public let name: String
    /// How many bytes one access writes or reads.
    public let byteCount: UInt64
    /// Offsets that the access takes are multiples of this.
    public let alignment: UInt64
    /// Whether it writes.
    public let isWrite: Bool
    /// Makes the access at an offset from the start of the region.
    public let perform: (_ offset: UInt64) throws -> Void

    /// An access that writes `byteCount` bytes.
    public static func write(
        _ name: String, _ byteCount: UInt64, alignment: UInt64 = 1, _ perform: @escaping (UInt64) throws -> Void
    ) -> TrackedAccess {
        TrackedAccess(name: name, byteCount: byteCount, alignment: alignment, isWrite: true, perform: perform)
    }

    /// An access that reads `byteCount` bytes and so marks nothing.
    public static func read(
        _ name: String, _ byteCount: UInt64, alignment: UInt64 = 1, _ perform: @escaping (UInt64) throws -> Void
    ) -> TrackedAccess {
        TrackedAccess(name: name, byteCount: byteCount, alignment: alignment, isWrite: false, perform: perform)
    }
}

/// Makes the access around every page border of a region and compares the marks with the bytes it touched.
/// - Returns: one line for each offset where they differ; empty if all is well.
public func checkDirtyTracking(_ access: TrackedAccess, bitmap: DirtyBitmap, regionByteCount: UInt64) -> [String] {
    var failures: [String] = []
    let page = bitmap.pageByteCount
    for border in stride(from: 0, through: regionByteCount, by: Int(page)) {
        for distance in [-Int64(access.byteCount), -Int64(access.byteCount) / 2, -1, 0, 1] {
            let (sum, overflow) = border.addingReportingOverflow(UInt64(bitPattern: distance))
            guard overflow == (distance < 0) else { continue }
            let offset = sum - sum % access.alignment
            guard offset <= regionByteCount, access.byteCount <= regionByteCount - offset else { continue }
            bitmap.clearAll()
            do {
                try access.perform(offset)
            } catch {
                failures.append("\(access.name) at \(offset): \(error)")
                continue
            }
            for index in 0..<bitmap.pageCount {
                let first = index * page
                let isTouched = access.byteCount > 0 && offset < first + page && first < offset + access.byteCount
                let expected = access.isWrite && isTouched
                if bitmap.isPageDirty(index) != expected {
                    failures.append("\(access.name) at \(offset): page \(index) is \(expected ? "clean" : "dirty")")
                }
            }
        }
    }
    bitmap.clearAll()
    return failures
}
