// SPDX-License-Identifier: Apache-2.0

/// Bytes of an image under construction, with little-endian fields at any offset. It grows as needed.
public struct ImageBytes: Sendable, Equatable {
    /// The bytes so far.
    public var bytes: [UInt8]

    /// Starts with zeros.
    public init(count: Int = 0) { bytes = [UInt8](repeating: 0, count: count) }

    /// Starts with existing bytes.
    public init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Writes an integer.
    public mutating func set<T: FixedWidthInteger>(_ value: T, at offset: Int) {
        var rest = value
        let encoded = (0..<MemoryLayout<T>.size).map { _ in
            defer { rest = T.bitWidth > 8 ? rest >> 8 : 0 }
            return UInt8(truncatingIfNeeded: rest)
        }
        set(encoded, at: offset)
    }

    /// Writes bytes.
    public mutating func set(_ new: [UInt8], at offset: Int) {
        let end = offset + new.count
        if bytes.count < end { bytes += [UInt8](repeating: 0, count: end - bytes.count) }
        bytes.replaceSubrange(offset..<end, with: new)
    }

    /// Appends an integer.
    public mutating func append<T: FixedWidthInteger>(_ value: T) { set(value, at: bytes.count) }
}
