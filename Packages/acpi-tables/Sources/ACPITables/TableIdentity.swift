// SPDX-License-Identifier: Apache-2.0

/// Who made a table: the identifiers that every table header carries.
///
/// An operating system prints them and keys its quirks on them, so one machine's tables share one identity.
public struct TableIdentity: Hashable, Sendable {
    /// OEM ID, 6 bytes, padded with spaces.
    public let oemID: [UInt8]
    /// OEM table ID, 8 bytes, padded with spaces.
    public let oemTableID: [UInt8]
    /// The maker's revision of the table.
    public let oemRevision: UInt32
    /// The vendor of the tool that built the table, 4 bytes.
    public let creatorID: [UInt8]
    /// The revision of that tool.
    public let creatorRevision: UInt32

    /// Makes an identity from printable ASCII text.
    /// - Throws: `TableError.badIdentifier` if a text is longer than its field (6, 8 and 4 bytes) or is not printable ASCII.
    public init(
        oemID: String,
        oemTableID: String,
        oemRevision: UInt32 = 1,
        creatorID: String = "SWFT",
        creatorRevision: UInt32 = 1
    ) throws(TableError) {
        self.oemID = try Self.padded(oemID, to: 6, field: "oem id")
        self.oemTableID = try Self.padded(oemTableID, to: 8, field: "oem table id")
        self.oemRevision = oemRevision
        self.creatorID = try Self.padded(creatorID, to: 4, field: "creator id")
        self.creatorRevision = creatorRevision
    }

    private init() {
        oemID = Array("SWVIRT".utf8)
        oemTableID = Array("SWVIRTVM".utf8)
        oemRevision = 1
        creatorID = Array("SWFT".utf8)
        creatorRevision = 1
    }

    /// `SWVIRT`, `SWVIRTVM`: for those who do not care.
    public static let standard = TableIdentity()

    private static func padded(_ text: String, to byteCount: Int, field: String) throws(TableError) -> [UInt8] {
        let bytes = Array(text.utf8)
        guard bytes.count <= byteCount, bytes.allSatisfy({ (0x20...0x7E).contains($0) }) else {
            throw TableError.badIdentifier(field: field, text: text)
        }
        return bytes + [UInt8](repeating: 0x20, count: byteCount - bytes.count)
    }
}
