// SPDX-License-Identifier: Apache-2.0

/// A table that this package has no builder for: the header is written here, the body is the caller's.
public struct RawTable: Hashable, Sendable {
    /// Four characters of A-Z, 0-9 and `_`.
    public let signature: String
    /// The revision of the table's format.
    public let revision: UInt8
    /// What follows the header.
    public let body: [UInt8]

    /// Makes a table of a body.
    /// - Throws: `TableError.badIdentifier` if the signature is not four characters of A-Z, 0-9 and `_`.
    public init(signature: String, revision: UInt8, body: [UInt8]) throws(TableError) {
        let isAllowed = signature.utf8.allSatisfy {
            (0x41...0x5A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x5F
        }
        guard signature.utf8.count == 4, isAllowed else {
            throw TableError.badIdentifier(field: "signature", text: signature)
        }
        self.signature = signature
        self.revision = revision
        self.body = body
    }

    /// The table's bytes, with length and checksum.
    public func encoded(identity: TableIdentity = .standard) -> [UInt8] {
        var writer = TableWriter(signature: signature, revision: revision, identity: identity)
        writer.append(body)
        return writer.finish()
    }
}
