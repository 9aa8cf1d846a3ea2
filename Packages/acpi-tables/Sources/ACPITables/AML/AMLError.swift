// SPDX-License-Identifier: Apache-2.0

/// Why a term cannot be written as AML.
public enum AMLError: Error, Equatable, Sendable {
    /// Not a name: segments have one to four of A-Z, 0-9 and _, do not begin with a digit, and are divided by dots.
    case badName(String)
    /// Not an EISA ID: three of A-Z and four hexadecimal digits.
    case badEISAID(String)
    /// A string holds a byte that is zero or not ASCII.
    case badString(String)
    /// A package has more than 255 elements.
    case tooManyElements(Int)
    /// A term is longer than a package length can say, 268,435,455 bytes.
    case tooLong(byteCount: Int)
    /// A resource does not fit into its descriptor.
    case badRange(base: UInt64, byteCount: UInt64)
    /// An ISA interrupt is not 0 to 15.
    case badInterrupt(UInt32)
    /// An interrupt descriptor needs 1 to 255 interrupts.
    case badInterruptCount(Int)
    /// A method takes at most seven arguments.
    case tooManyArguments(Int)
}

extension AMLError: CustomStringConvertible {
    /// One line, lower case.
    public var description: String {
        switch self {
        case .badName(let name): "\"\(name)\" is not an acpi name"
        case .badEISAID(let id): "\"\(id)\" is not an eisa id such as PNP0501"
        case .badString(let text): "string \"\(text)\" holds a byte that is zero or not ascii"
        case .tooManyElements(let count): "package of \(count) elements: at most 255"
        case .tooLong(let byteCount): "term of \(byteCount) bytes: at most 268435455"
        case .badRange(let base, let byteCount):
            "range of \(byteCount) bytes at 0x\(String(base, radix: 16)) does not fit its descriptor"
        case .badInterrupt(let number): "isa interrupt \(number): 0 to 15"
        case .badInterruptCount(let count): "\(count) interrupts in one descriptor: 1 to 255"
        case .tooManyArguments(let count): "method with \(count) arguments: at most 7"
        }
    }
}
