// SPDX-License-Identifier: Apache-2.0

/// A fuzzer's bytes, taken from the front; zeros follow their end.
public struct FuzzInput {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    /// Begins at the front. The bytes must stay where they are for as long as this is used.
    public init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    /// Whether only zeros follow.
    public var isAtEnd: Bool { position >= bytes.count }

    /// Takes a byte.
    public mutating func next() -> UInt8 {
        guard position < bytes.count else { return 0 }
        defer { position += 1 }
        return bytes[position]
    }

    /// Takes an integer, little-endian.
    public mutating func next<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type) -> T {
        var value: T = 0
        for index in 0..<T.bitWidth / 8 { value |= T(next()) << T(8 * index) }
        return value
    }

    /// Takes that many bytes.
    public mutating func next(count: Int) -> [UInt8] { (0..<count).map { _ in next() } }
}
