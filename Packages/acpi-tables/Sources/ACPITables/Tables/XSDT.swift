// SPDX-License-Identifier: Apache-2.0

/// The list of the tables' addresses (ACPI 6.5, 5.2.8). The DSDT and the FACS are not in it: the FADT names them.
public struct XSDT: Hashable, Sendable {
    /// Guest-physical addresses, the FADT's among them.
    public var tableAddresses: [UInt64]

    /// Lists tables.
    public init(tableAddresses: [UInt64]) { self.tableAddresses = tableAddresses }

    /// The table's bytes.
    public func encoded(identity: TableIdentity = .standard) -> [UInt8] {
        var writer = TableWriter(signature: "XSDT", revision: 1, identity: identity)
        for address in tableAddresses { writer.append(address) }
        return writer.finish()
    }
}
