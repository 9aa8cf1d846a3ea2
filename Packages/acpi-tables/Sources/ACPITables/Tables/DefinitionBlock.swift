// SPDX-License-Identifier: Apache-2.0

/// A table of AML: the DSDT, or an SSDT that adds to it (ACPI 6.5, 5.2.11).
public struct DefinitionBlock: Hashable, Sendable {
    /// Which of the two.
    public enum Kind: String, Sendable {
        /// The one that the FADT names.
        case dsdt = "DSDT"
        /// One of any number that the XSDT lists.
        case ssdt = "SSDT"
    }

    /// Which table it is.
    public var kind: Kind
    /// What it defines, in order.
    public var terms: [AMLTerm]

    /// Makes a table of terms.
    public init(_ kind: Kind, _ terms: [AMLTerm]) {
        self.kind = kind
        self.terms = terms
    }

    /// The table's bytes. Revision 2: integers have 64 bits.
    public func encoded(identity: TableIdentity = .standard) -> [UInt8] {
        var writer = TableWriter(signature: kind.rawValue, revision: 2, identity: identity)
        for term in terms { writer.append(term.encoded) }
        return writer.finish()
    }
}
