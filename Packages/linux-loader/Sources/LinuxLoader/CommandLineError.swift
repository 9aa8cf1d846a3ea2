// SPDX-License-Identifier: Apache-2.0

/// Why a piece of text cannot be part of a kernel command line.
public enum CommandLineError: Error, Equatable, Sendable, CustomStringConvertible {
    /// The capacity has no room even for the terminating NUL.
    case capacity(Int)
    /// A byte outside printable ASCII.
    case notPrintable(byte: UInt8)
    /// A key without characters.
    case emptyKey
    /// A space in a key.
    case spaceInKey(String)
    /// An equals sign in a key.
    case equalsInKey(String)
    /// A value with spaces that is not quoted as a whole.
    case unquotedSpace(String)
    /// A quote inside a value or key.
    case quoteInside(String)
    /// A quote that is never closed.
    case openQuote
    /// A list without values.
    case noValues(key: String)
    /// The text would need more bytes, its NUL included, than there are.
    case tooLong(needed: Int, capacity: Int)
    /// Arguments for init but none for the kernel.
    case onlyInitArguments
    /// A virtio-mmio device of no size, or one that ends past the address space.
    case deviceRange(base: UInt64, byteCount: UInt64)

    /// One line, lower case.
    public var description: String {
        switch self {
        case .capacity(let value): "command line capacity \(value) is too small"
        case .notPrintable(let byte): "command line has a byte that is not printable ASCII: \(hex(UInt64(byte)))"
        case .emptyKey: "command line option has no name"
        case .spaceInKey(let key): "command line option's name has a space: \(key)"
        case .equalsInKey(let key): "command line option's name has an equals sign: \(key)"
        case .unquotedSpace(let value): "command line value has a space but is not quoted: \(value)"
        case .quoteInside(let value): "command line text has a quote inside: \(value)"
        case .openQuote: "command line has a quote that is never closed"
        case .noValues(let key): "command line option has no values: \(key)"
        case .tooLong(let needed, let capacity): "command line needs \(needed) bytes, allowed are \(capacity)"
        case .onlyInitArguments: "command line has arguments for init but none for the kernel"
        case .deviceRange(let base, let byteCount): "no device can be at \(hex(base)) with \(byteCount) bytes"
        }
    }
}
