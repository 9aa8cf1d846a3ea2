// SPDX-License-Identifier: Apache-2.0
public import VMMemory
internal import Glibc

/// A position in the writable part of a chain, wherever the driver cut it into pieces (virtio 1.2, 2.6.4).
///
/// `position` of a writer that started at the front is what `Queue.push` wants to know as `written`.
public struct ChainWriter {
    var cursor: ChainCursor

    init(_ cursor: ChainCursor) { self.cursor = cursor }

    /// Room left in bytes.
    public var remaining: UInt64 { cursor.remaining }
    /// Bytes written or skipped so far.
    public var position: UInt64 { cursor.position }

    /// Writes an integer, little-endian as all of them are in virtio 1.
    /// - Returns: false, and nothing is written, if there is no room.
    @discardableResult
    public mutating func write<T: FixedWidthInteger & BitwiseCopyable>(_ value: T) -> Bool {
        withUnsafeBytes(of: value.littleEndian) { writeAll($0) }
    }

    /// Writes a struct of plain bytes, as it lies in memory.
    /// - Returns: false, and nothing is written, if there is no room.
    @discardableResult
    public mutating func writePlain<T: PlainBytes>(_ value: T) -> Bool {
        withUnsafeBytes(of: value) { writeAll($0) }
    }

    /// Writes all of `bytes`.
    /// - Returns: false, and nothing is written, if there is no room.
    @discardableResult
    public mutating func writeAll(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard UInt64(bytes.count) <= remaining else { return false }
        return write(bytes) == bytes.count
    }

    /// Writes `bytes` as far as there is room.
    /// - Returns: how many bytes were written.
    @discardableResult
    public mutating func write(_ bytes: UnsafeRawBufferPointer) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        var done = 0
        while let target = cursor.peek(bytes.count &- done), let to = target.baseAddress {
            memcpy(to, base + done, target.count)
            cursor.advance(target.count)
            done &+= target.count
        }
        return done
    }

    /// Fills up to so many bytes with zeros.
    /// - Returns: how many.
    @discardableResult
    public mutating func writeZeros(_ byteCount: UInt64) -> UInt64 {
        var left = byteCount
        while let target = cursor.peek(Int(clamping: left)), let to = target.baseAddress {
            memset(to, 0, target.count)
            cursor.advance(target.count)
            left &-= UInt64(target.count)
        }
        return byteCount &- left
    }

    /// Passes over up to so many bytes, which something else has written or will.
    /// - Returns: how many.
    @discardableResult
    public mutating func skip(_ byteCount: UInt64) -> UInt64 { cursor.skip(byteCount) }

    /// Takes so many bytes off the front as a writer of their own; both start at position 0.
    /// - Returns: nil, and nothing is taken, if there are fewer.
    public mutating func split(_ byteCount: UInt64) -> ChainWriter? { cursor.split(byteCount).map(ChainWriter.init) }

    /// Adds the room that is left, in place, to what a `readv` or its like will be given. Nothing is taken.
    public func appendVectors(to vectors: inout IOVecs) { cursor.appendVectors(to: &vectors) }
}
