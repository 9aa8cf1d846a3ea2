// SPDX-License-Identifier: Apache-2.0

/// One piece of AML: an object, an expression or a statement, encoded already (ACPI 6.5, chapter 20).
///
/// Terms are made by the functions named after the words of ASL, and nest as they do there:
/// `try .device("COM1", [.name("_HID", .eisaID("PNP0501")), .name("_UID", .integer(0))])`.
public struct AMLTerm: Hashable, Sendable {
    /// The bytes, as they stand in a definition block.
    public let encoded: [UInt8]

    /// Takes bytes that are AML already.
    public init(encoded: [UInt8]) { self.encoded = encoded }

    /// An opcode and operands that need no length.
    init(_ opcode: [UInt8], _ operands: AMLTerm...) {
        var bytes = opcode
        for operand in operands { bytes += operand.encoded }
        encoded = bytes
    }

    /// An opcode, the package length, fixed bytes, and a list of terms.
    init(_ opcode: [UInt8], lengthPrefixing head: [UInt8], _ body: [AMLTerm]) throws(AMLError) {
        var content = head
        for term in body { content += term.encoded }
        encoded = opcode + (try PackageLength.encode(contentByteCount: content.count)) + content
    }
}

/// The length before a term that holds others (ACPI 6.5, 20.2.4).
enum PackageLength {
    /// The longest: 28 bits.
    static let maximum = 0x0FFF_FFFF

    /// Encodes the length of `contentByteCount` bytes plus that of the encoding itself.
    static func encode(contentByteCount: Int) throws(AMLError) -> [UInt8] {
        // One byte has 6 bits for the length. With more bytes the first has 4 of them and tells how many bytes follow.
        if contentByteCount + 1 <= 0x3F { return [UInt8(truncatingIfNeeded: contentByteCount + 1)] }
        for following in 1...3 where contentByteCount + 1 + following <= (0x10 << (8 * following)) - 1 {
            return encode(contentByteCount + 1 + following, following: following)
        }
        throw AMLError.tooLong(byteCount: contentByteCount)
    }

    /// Encodes a length that does not count itself: the width of a field, in bits.
    static func encodeFieldWidth(_ bits: UInt16) -> [UInt8] {
        if bits <= 0x3F { return [UInt8(bits)] }
        return encode(Int(bits), following: bits <= 0xFFF ? 1 : 2)
    }

    private static func encode(_ length: Int, following: Int) -> [UInt8] {
        var bytes = [UInt8(following << 6) | UInt8(length & 0xF)]
        for index in 0..<following { bytes.append(UInt8(truncatingIfNeeded: length >> (4 + 8 * index))) }
        return bytes
    }
}
