// SPDX-License-Identifier: Apache-2.0
public import VMMemory
internal import Glibc

/// A position in the readable part of a chain, wherever the driver cut it into pieces (virtio 1.2, 2.6.4: a device
/// must make no assumption about that).
///
/// What it reads is copied out of guest memory, once. A copy of a reader reads on from the same place by itself.
public struct ChainReader {
    var cursor: ChainCursor

    init(_ cursor: ChainCursor) { self.cursor = cursor }

    /// Bytes not yet read.
    public var remaining: UInt64 { cursor.remaining }
    /// Bytes read or skipped so far.
    public var position: UInt64 { cursor.position }

    /// Reads an integer, little-endian as all of them are in virtio 1.
    /// - Returns: nil, and nothing is taken, if too few bytes are left.
    public mutating func read<T: FixedWidthInteger & BitwiseCopyable>(_ type: T.Type = T.self) -> T? {
        var value: T = 0
        guard withUnsafeMutableBytes(of: &value, { readAll(into: $0) }) else { return nil }
        return T(littleEndian: value)
    }

    /// Reads a struct of plain bytes, as it lies in memory.
    /// - Returns: nil, and nothing is taken, if too few bytes are left.
    public mutating func readPlain<T: PlainBytes>(as type: T.Type = T.self) -> T? {
        withUnsafeTemporaryAllocation(byteCount: MemoryLayout<T>.size, alignment: MemoryLayout<T>.alignment) { bytes in
            guard readAll(into: bytes) else { return nil }
            return bytes.baseAddress.map { $0.loadUnaligned(as: T.self) }
        }
    }

    /// Fills all of `bytes`.
    /// - Returns: false, and nothing is taken, if too few bytes are left.
    public mutating func readAll(into bytes: UnsafeMutableRawBufferPointer) -> Bool {
        guard UInt64(bytes.count) <= remaining else { return false }
        return read(into: bytes) == bytes.count
    }

    /// Fills `bytes` as far as there is something to read.
    /// - Returns: how many bytes were read.
    @discardableResult
    public mutating func read(into bytes: UnsafeMutableRawBufferPointer) -> Int {
        guard let base = bytes.baseAddress else { return 0 }
        var done = 0
        while let source = cursor.peek(bytes.count &- done), let from = source.baseAddress {
            memcpy(base + done, from, source.count)
            cursor.advance(source.count)
            done &+= source.count
        }
        return done
    }

    /// Passes over up to so many bytes.
    /// - Returns: how many.
    @discardableResult
    public mutating func skip(_ byteCount: UInt64) -> UInt64 { cursor.skip(byteCount) }

    /// Takes so many bytes off the front as a reader of their own; both start at position 0.
    /// - Returns: nil, and nothing is taken, if there are fewer.
    public mutating func split(_ byteCount: UInt64) -> ChainReader? { cursor.split(byteCount).map(ChainReader.init) }

    /// Adds what is left to read, in place, to what a `writev` or its like will be given. Nothing is taken.
    public func appendVectors(to vectors: inout IOVecs) { cursor.appendVectors(to: &vectors) }
}
