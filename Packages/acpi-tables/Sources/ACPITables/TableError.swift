// SPDX-License-Identifier: Apache-2.0

/// Why a table cannot be built from what the caller gave.
public enum TableError: Error, Equatable, Sendable {
    /// An identifier is longer than its field, or is not printable ASCII.
    case badIdentifier(field: String, text: String)
    /// A table would not fit between its address and the end of the address space.
    case addressOverflow(table: String, address: UInt64, byteCount: Int)
    /// A definition block was given another signature's place, or a raw table has no whole header.
    case notATable(signature: String, byteCount: Int)
}

extension TableError: CustomStringConvertible {
    /// One line, lower case.
    public var description: String {
        switch self {
        case .badIdentifier(let field, let text):
            "\(field): \"\(text)\" is too long or not printable ascii"
        case .addressOverflow(let table, let address, let byteCount):
            "\(table): \(byteCount) bytes at 0x\(String(address, radix: 16)) pass the end of the address space"
        case .notATable(let signature, let byteCount):
            "table \(signature): \(byteCount) bytes are not an acpi table with a header of 36 bytes"
        }
    }
}
