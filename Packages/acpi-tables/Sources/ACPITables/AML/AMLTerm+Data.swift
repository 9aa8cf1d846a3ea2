// SPDX-License-Identifier: Apache-2.0

extension AMLTerm {
    /// An integer in its shortest form (ACPI 6.5, 20.2.3): 0 and 1 have opcodes of their own, so has all ones.
    public static func integer(_ value: UInt64) -> AMLTerm {
        switch value {
        case 0: return AMLTerm([0x00])
        case 1: return AMLTerm([0x01])
        case .max: return AMLTerm([0xFF])
        case ...0xFF: return sized(value, prefix: 0x0A, byteCount: 1)
        case ...0xFFFF: return sized(value, prefix: 0x0B, byteCount: 2)
        case ...0xFFFF_FFFF: return sized(value, prefix: 0x0C, byteCount: 4)
        default: return sized(value, prefix: 0x0E, byteCount: 8)
        }
    }

    private static func sized(_ value: UInt64, prefix: UInt8, byteCount: Int) -> AMLTerm {
        var bytes = [prefix]
        for index in 0..<byteCount { bytes.append(UInt8(truncatingIfNeeded: value >> (8 * UInt64(index)))) }
        return AMLTerm(bytes)
    }

    /// A string of ASCII characters other than NUL.
    public static func string(_ text: String) throws(AMLError) -> AMLTerm {
        guard text.utf8.allSatisfy({ (1...0x7F).contains($0) }) else { throw AMLError.badString(text) }
        return AMLTerm([0x0D] + Array(text.utf8) + [0x00])
    }

    /// An EISA ID such as `PNP0501`, packed into an integer of four bytes (ACPI 6.5, 19.6.36).
    public static func eisaID(_ text: String) throws(AMLError) -> AMLTerm {
        let bytes = Array(text.utf8)
        guard bytes.count == 7, bytes.prefix(3).allSatisfy({ (0x41...0x5A).contains($0) }) else {
            throw AMLError.badEISAID(text)
        }
        var value: UInt32 = 0
        for letter in bytes.prefix(3) { value = value << 5 | UInt32(letter - 0x40) }
        for digit in bytes.suffix(4) {
            switch digit {
            case 0x30...0x39: value = value << 4 | UInt32(digit - 0x30)
            case 0x41...0x46: value = value << 4 | UInt32(digit - 0x37)
            default: throw AMLError.badEISAID(text)
            }
        }
        return sized(UInt64(value.byteSwapped), prefix: 0x0C, byteCount: 4)
    }

    /// A buffer that holds these bytes.
    public static func buffer(_ bytes: [UInt8]) throws(AMLError) -> AMLTerm {
        let size = integer(UInt64(bytes.count))
        return try AMLTerm([0x11], lengthPrefixing: size.encoded + bytes, [])
    }

    /// A package of up to 255 elements.
    public static func package(_ elements: [AMLTerm]) throws(AMLError) -> AMLTerm {
        guard let count = UInt8(exactly: elements.count) else { throw AMLError.tooManyElements(elements.count) }
        return try AMLTerm([0x12], lengthPrefixing: [count], elements)
    }

    /// A buffer of resource descriptors: the value of `_CRS`.
    public static func resourceTemplate(_ descriptors: [ResourceDescriptor]) throws(AMLError) -> AMLTerm {
        var bytes: [UInt8] = []
        for descriptor in descriptors { bytes += descriptor.encoded }
        // The end tag; a checksum of zero counts as correct (ACPI 6.5, 6.4.2.9).
        return try buffer(bytes + [0x79, 0x00])
    }
}
