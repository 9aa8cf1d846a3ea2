// SPDX-License-Identifier: Apache-2.0
public import VirtioQueue

/// The header as it lies in memory: src_cid 0, dst_cid 8, src_port 16, dst_port 20, len 24, type 28, op 30, flags 32,
/// buf_alloc 36, fwd_cnt 40 (virtio 1.2, 5.10.6).
extension VsockHeader {
    /// Takes a header apart.
    /// - Parameter bytes: only the first 44 count. They must not change meanwhile: pass a copy of what a guest can write.
    /// - Returns: nil if there are fewer.
    public init?(bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.byteCount, let base = bytes.baseAddress else { return nil }
        func field<T: FixedWidthInteger & BitwiseCopyable>(_ offset: Int, _ type: T.Type) -> T {
            T(littleEndian: base.loadUnaligned(fromByteOffset: offset, as: T.self))
        }
        self.init(
            sourceCID: field(0, UInt64.self), destinationCID: field(8, UInt64.self),
            sourcePort: field(16, UInt32.self), destinationPort: field(20, UInt32.self),
            operation: VsockOperation(rawValue: field(30, UInt16.self)),
            payloadByteCount: field(24, UInt32.self), type: VsockSocketType(rawValue: field(28, UInt16.self)),
            flags: VsockFlags(rawValue: field(32, UInt32.self)), bufferByteCount: field(36, UInt32.self),
            forwardedCount: field(40, UInt32.self))
    }

    /// Reads a header out of a chain, once, wherever the driver cut it into pieces.
    /// - Returns: nil, and nothing is taken, if fewer than 44 bytes are left.
    public init?(from reader: inout ChainReader) {
        let header = withUnsafeTemporaryAllocation(byteCount: Self.byteCount, alignment: 8) { copy in
            reader.readAll(into: copy) ? VsockHeader(bytes: UnsafeRawBufferPointer(copy)) : nil
        }
        guard let header else { return nil }
        self = header
    }

    /// Writes the header into a chain.
    /// - Returns: false, and nothing is written, if there is no room for all of it.
    @discardableResult
    public func write(to writer: inout ChainWriter) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: Self.byteCount, alignment: 8) { bytes in
            encode(into: bytes)
            return writer.writeAll(UnsafeRawBufferPointer(bytes))
        }
    }

    /// The 44 bytes.
    public var bytes: [UInt8] {
        [UInt8](unsafeUninitializedCapacity: Self.byteCount) { buffer, count in
            encode(into: UnsafeMutableRawBufferPointer(buffer))
            count = Self.byteCount
        }
    }

    /// `bytes` has room for 44.
    private func encode(into bytes: UnsafeMutableRawBufferPointer) {
        func put<T: FixedWidthInteger & BitwiseCopyable>(_ value: T, _ offset: Int) {
            bytes.storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self)
        }
        put(sourceCID, 0)
        put(destinationCID, 8)
        put(sourcePort, 16)
        put(destinationPort, 20)
        put(payloadByteCount, 24)
        put(type.rawValue, 28)
        put(operation.rawValue, 30)
        put(flags.rawValue, 32)
        put(bufferByteCount, 36)
        put(forwardedCount, 40)
    }
}
