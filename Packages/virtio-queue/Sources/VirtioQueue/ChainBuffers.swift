// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// A chain's buffers in host memory, filled by `Queue.pop(into:)`; one for each request that a device has in flight,
/// used again for the next.
public final class ChainBuffers {
    /// How many bytes the device may read.
    @exclusivity(unchecked) public internal(set) var readableByteCount: UInt64 = 0
    /// How many bytes the device may write.
    @exclusivity(unchecked) public internal(set) var writableByteCount: UInt64 = 0

    /// Makes empty buffers with room for so many pieces; they grow if a chain has more.
    public init(capacity: Int = 32) {}

    /// Reads the readable part from its start.
    public var reader: ChainReader { ChainReader() }
    /// Writes the writable part from its start.
    public var writer: ChainWriter { ChainWriter() }
}
/// A position in a chain's readable part.
public struct ChainReader {
    /// Bytes not yet read.
    public private(set) var remaining: UInt64 = 0
    /// Bytes read so far.
    public private(set) var position: UInt64 = 0
    /// Reads an integer, little-endian as virtio 1 has all of them. nil, and nothing taken, if too few bytes are left.
    public mutating func read<T: FixedWidthInteger & UnsignedInteger>(_ type: T.Type = T.self) -> T? { nil }
    /// Fills `bytes` as far as there is something. Returns the count.
    public mutating func read(into bytes: UnsafeMutableRawBufferPointer) -> Int { 0 }
    /// Passes over up to so many bytes. Returns the count.
    public mutating func skip(_ byteCount: UInt64) -> UInt64 { 0 }
    /// Takes so many bytes off the front as a reader of their own; nil if there are fewer.
    public mutating func split(_ byteCount: UInt64) -> ChainReader? { nil }
}
/// A position in a chain's writable part.
public struct ChainWriter {
    /// Room left in bytes.
    public private(set) var remaining: UInt64 = 0
    /// Bytes written so far.
    public private(set) var position: UInt64 = 0
    /// Writes an integer, little-endian. false, and nothing written, if there is no room.
    public mutating func write<T: FixedWidthInteger & UnsignedInteger>(_ value: T) -> Bool { false }
    /// Writes `bytes` as far as there is room. Returns the count.
    public mutating func write(_ bytes: UnsafeRawBufferPointer) -> Int { 0 }
    /// Fills up to so many bytes with zeros. Returns the count.
    public mutating func writeZeros(_ byteCount: UInt64) -> UInt64 { 0 }
    /// Passes over up to so many bytes. Returns the count.
    public mutating func skip(_ byteCount: UInt64) -> UInt64 { 0 }
    /// Takes so many bytes off the front as a writer of their own; nil if there are fewer.
    public mutating func split(_ byteCount: UInt64) -> ChainWriter? { nil }
}
