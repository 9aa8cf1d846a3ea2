// SPDX-License-Identifier: Apache-2.0

/// Appends little-endian fields, and closes a table with its length and checksum.
struct TableWriter {
    private(set) var bytes: [UInt8] = []

    static let headerByteCount = 36

    init() {}

    /// Starts with the common header (ACPI 6.5, table 5.4); `finish` fills in the length and the checksum.
    init(signature: String, revision: UInt8, identity: TableIdentity) {
        append(Array(signature.utf8))
        append(UInt32(0))
        append(revision)
        append(UInt8(0))
        append(identity.oemID)
        append(identity.oemTableID)
        append(identity.oemRevision)
        append(identity.creatorID)
        append(identity.creatorRevision)
    }

    mutating func append(_ value: some FixedWidthInteger & UnsignedInteger) {
        var rest = UInt64(truncatingIfNeeded: value)
        for _ in 0..<(value.bitWidth / 8) {
            bytes.append(UInt8(truncatingIfNeeded: rest))
            rest >>= 8
        }
    }

    mutating func append(_ raw: [UInt8]) { bytes += raw }

    mutating func append(zeros count: Int) { bytes += [UInt8](repeating: 0, count: count) }

    mutating func append(_ address: GenericAddress) { bytes += address.encoded }

    /// The whole table. Its length is a `UInt32`: an array that does not fit one cannot be made by these builders'
    /// callers in any memory that a guest has, so the length wraps instead of trapping.
    consuming func finish() -> [UInt8] {
        let length = UInt32(truncatingIfNeeded: bytes.count)
        for index in 0..<4 { bytes[4 + index] = UInt8(truncatingIfNeeded: length >> (8 * UInt32(index))) }
        bytes[9] = 0
        bytes[9] = checksum(of: bytes)
        return bytes
    }
}
