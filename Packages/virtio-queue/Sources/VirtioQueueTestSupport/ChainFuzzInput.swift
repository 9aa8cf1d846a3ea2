// SPDX-License-Identifier: Apache-2.0

/// An input for `fuzzDescriptorChain`, by its parts: for seeds, and to write a finding down as a test.
public struct ChainFuzzInput: Equatable, Sendable {
    /// The log of the queue size to base 2, 0 to 5; of a packed ring the size less one, 0 to 31.
    public var logSize: UInt8
    /// 1 indirect, 2 event index, 4 returnHead, 8 mutate the memory between chains, 16 packed ring, 32 in order.
    public var options: UInt8
    /// Where both rings begin; of a packed ring the position, with the wrap counter in bit 15.
    public var firstIndex: UInt16 = 0
    /// How far ahead the available index is.
    public var ahead: UInt16 = 0
    /// Flags of the available ring, or of the driver's event suppression.
    public var flags: UInt16 = 0
    /// The used event, or its position in a packed ring.
    public var usedEvent: UInt16 = 0
    /// Entries of the available ring, from its slot 0 on.
    public var heads: [UInt16] = []
    /// The table, from its entry 0 on.
    public var descriptors: [Entry] = []
    /// Indirect tables at 0x4000, from there on.
    public var tables: [Entry] = []

    static let headerByteCount = 10

    /// A descriptor.
    public struct Entry: Equatable, Sendable {
        /// Where its buffer is.
        public var address: UInt64
        /// The length of the buffer.
        public var byteCount: UInt32
        /// 1 NEXT, 2 WRITE, 4 INDIRECT; in a packed ring 0x80 AVAIL and 0x8000 USED too.
        public var flags: UInt16
        /// The next one's index; in a packed ring the buffer id.
        public var next: UInt16

        /// A descriptor.
        public init(_ address: UInt64, _ byteCount: UInt32, flags: UInt16, next: UInt16 = 0) {
            self.address = address
            self.byteCount = byteCount
            self.flags = flags
            self.next = next
        }
    }

    /// An input without chains.
    public init(logSize: UInt8, options: UInt8) {
        self.logSize = logSize
        self.options = options
    }

    private var isPacked: Bool { options & 16 != 0 }

    /// The bytes.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = [logSize, options]
        func append<T: FixedWidthInteger>(_ value: T) {
            withUnsafeBytes(of: value.littleEndian) { bytes.append(contentsOf: $0) }
        }
        for value in [firstIndex, ahead, flags, usedEvent] { append(value) }
        let size = isPacked ? Int(logSize % 32) + 1 : 1 << Int(logSize % 6)
        if !isPacked { for index in 0..<size { append(index < heads.count ? heads[index] : 0) } }
        for index in 0..<size { entry(index < descriptors.count ? descriptors[index] : Entry(0, 0, flags: 0)) }
        for table in tables { entry(table) }
        func entry(_ entry: Entry) {
            append(entry.address)
            append(entry.byteCount)
            append(isPacked ? entry.next : entry.flags)
            append(isPacked ? entry.flags : entry.next)
        }
        return bytes
    }
}
