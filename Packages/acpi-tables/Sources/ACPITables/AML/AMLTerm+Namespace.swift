// SPDX-License-Identifier: Apache-2.0

extension AMLTerm {
    /// Gives a value a name.
    public static func name(_ name: String, _ value: AMLTerm) throws(AMLError) -> AMLTerm {
        AMLTerm([0x08], try .path(name), value)
    }

    /// Refers to a named object, or calls a method without arguments.
    public static func path(_ name: String) throws(AMLError) -> AMLTerm {
        AMLTerm(encoded: try NamePath(name).encoded)
    }

    /// Opens an object that exists, such as `\_SB`, to define more in it.
    public static func scope(_ name: String, _ body: [AMLTerm]) throws(AMLError) -> AMLTerm {
        try AMLTerm([0x10], lengthPrefixing: try NamePath(name).encoded, body)
    }

    /// Defines a device.
    public static func device(_ name: String, _ body: [AMLTerm]) throws(AMLError) -> AMLTerm {
        try AMLTerm([0x5B, 0x82], lengthPrefixing: try NamePath(name).encoded, body)
    }

    /// Defines a method.
    /// - Parameters:
    ///   - name: the method's name, relative to where it stands unless it begins with `\`.
    ///   - argumentCount: how many arguments it takes, at most seven.
    ///   - isSerialized: whether only one thread of the guest may run it at a time; a method that makes names must be.
    ///   - body: what it does, in order.
    public static func method(
        _ name: String,
        argumentCount: Int = 0,
        isSerialized: Bool = false,
        _ body: [AMLTerm]
    ) throws(AMLError) -> AMLTerm {
        guard let count = UInt8(exactly: argumentCount), count <= 7 else {
            throw AMLError.tooManyArguments(argumentCount)
        }
        let head = try NamePath(name).encoded + [count | (isSerialized ? 0x08 : 0)]
        return try AMLTerm([0x14], lengthPrefixing: head, body)
    }

    /// The spaces that an operation region may lie in.
    public enum RegionSpace: UInt8, Sendable {
        /// Guest-physical memory.
        case systemMemory = 0
        /// I/O ports.
        case systemIO = 1
        /// PCI configuration space.
        case pciConfiguration = 2
    }

    /// Defines a region of registers, to be divided by `field`.
    public static func operationRegion(
        _ name: String,
        space: RegionSpace,
        offset: UInt64,
        byteCount: UInt64
    ) throws(AMLError) -> AMLTerm {
        AMLTerm(
            [0x5B, 0x80],
            try .path(name),
            AMLTerm([space.rawValue]),
            .integer(offset),
            .integer(byteCount)
        )
    }

    /// The width of each access to a region.
    public enum FieldAccess: UInt8, Sendable {
        /// Any width.
        case any = 0
        /// One byte.
        case byte = 1
        /// Two bytes.
        case word = 2
        /// Four bytes.
        case doubleWord = 3
        /// Eight bytes.
        case quadWord = 4
    }

    /// One run of bits in a region.
    public enum FieldElement: Hashable, Sendable {
        /// A named register of so many bits.
        case named(String, bitCount: UInt16)
        /// Bits to leave out.
        case reserved(bitCount: UInt16)
    }

    /// Divides a region into named registers. Accesses take no lock; bits beside a register keep their value.
    public static func field(
        _ region: String,
        access: FieldAccess,
        _ elements: [FieldElement]
    ) throws(AMLError) -> AMLTerm {
        var bytes = try NamePath(region).encoded + [access.rawValue]
        for element in elements {
            switch element {
            case .named(let name, let bitCount):
                bytes += try NamePath.segment(name) + PackageLength.encodeFieldWidth(bitCount)
            case .reserved(let bitCount):
                bytes += [0x00] + PackageLength.encodeFieldWidth(bitCount)
            }
        }
        return try AMLTerm([0x5B, 0x81], lengthPrefixing: bytes, [])
    }
}
