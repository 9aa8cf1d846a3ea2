// SPDX-License-Identifier: Apache-2.0

/// A private copy of a header with little-endian fields at fixed offsets.
///
/// `ImageSource.fetch` has filled all of it, and offsets are constants of the formats, so a read past the end is a bug
/// of this package; it yields 0 rather than a trap.
struct Fields: Equatable, Sendable {
    private(set) var bytes: [UInt8]

    init(count: Int) { bytes = [UInt8](repeating: 0, count: count) }
    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var count: Int { bytes.count }

    mutating func fill<E: Error>(_ body: (UnsafeMutableRawBufferPointer) throws(E) -> Void) throws(E) {
        var failure: E?
        bytes.withUnsafeMutableBytes { (buffer: UnsafeMutableRawBufferPointer) in
            do throws(E) { try body(buffer) } catch { failure = error }
        }
        if let failure { throw failure }
    }

    private func load<T: FixedWidthInteger>(_ type: T.Type, _ offset: Int) -> T {
        let width = MemoryLayout<T>.size
        guard offset >= 0, offset <= bytes.count - width else { return 0 }
        return bytes.withUnsafeBytes { T(littleEndian: $0.loadUnaligned(fromByteOffset: offset, as: T.self)) }
    }

    func u8(_ offset: Int) -> UInt8 { load(UInt8.self, offset) }
    func u16(_ offset: Int) -> UInt16 { load(UInt16.self, offset) }
    func u32(_ offset: Int) -> UInt32 { load(UInt32.self, offset) }
    func u64(_ offset: Int) -> UInt64 { load(UInt64.self, offset) }

    mutating func set<T: FixedWidthInteger>(_ offset: Int, _ value: T) {
        let width = MemoryLayout<T>.size
        guard offset >= 0, offset <= bytes.count - width else { return }
        bytes.withUnsafeMutableBytes { $0.storeBytes(of: value.littleEndian, toByteOffset: offset, as: T.self) }
    }

    /// Copies bytes in, as many as fit from `offset`.
    mutating func replace(at offset: Int, with source: some Sequence<UInt8>) {
        var index = offset
        for byte in source {
            guard bytes.indices.contains(index) else { return }
            bytes[index] = byte
            index += 1
        }
    }
}
