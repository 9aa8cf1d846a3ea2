// SPDX-License-Identifier: Apache-2.0

/// The root pointer, revision 2: what the boot protocol or a scan of 0xE0000 to 0xFFFFF finds first (ACPI 6.5, 5.2.5.3).
///
/// Where it is found by the scan it must be aligned to 16 bytes.
public struct RSDP: Hashable, Sendable {
    /// The guest-physical address of the XSDT.
    public var xsdtAddress: UInt64

    /// Its size in bytes.
    public static let byteCount = 36

    /// Points at an XSDT.
    public init(xsdtAddress: UInt64) { self.xsdtAddress = xsdtAddress }

    /// The 36 bytes. Both checksums hold: over the first 20 bytes, and over all.
    public func encoded(identity: TableIdentity = .standard) -> [UInt8] {
        var writer = TableWriter()
        writer.append(Array("RSD PTR ".utf8))
        writer.append(UInt8(0))
        writer.append(identity.oemID)
        writer.append(UInt8(2))
        writer.append(UInt32(0))  // No RSDT: revision 2 readers take the XSDT.
        writer.append(UInt32(Self.byteCount))
        writer.append(xsdtAddress)
        writer.append(zeros: 4)
        var bytes = writer.bytes
        bytes[8] = checksum(of: bytes.prefix(20))
        bytes[32] = checksum(of: bytes)
        return bytes
    }
}
