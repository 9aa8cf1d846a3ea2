// SPDX-License-Identifier: Apache-2.0

/// Where a register is: an address space, a width and an address (ACPI 6.5, 5.2.3.2).
public struct GenericAddress: Hashable, Sendable {
    /// The address spaces that a virtual machine's registers live in.
    public enum Space: UInt8, Sendable {
        /// Guest-physical memory.
        case systemMemory = 0
        /// x86 I/O ports.
        case systemIO = 1
        /// Configuration space of a function on PCI bus 0.
        case pciConfiguration = 2
    }

    /// How wide each single access is.
    public enum AccessSize: UInt8, Sendable {
        /// Left to the operating system.
        case undefined = 0
        /// One byte.
        case byte = 1
        /// Two bytes.
        case word = 2
        /// Four bytes.
        case doubleWord = 3
        /// Eight bytes.
        case quadWord = 4
    }

    /// The address space.
    public let space: Space
    /// The width of the register in bits.
    public let bitWidth: UInt8
    /// The register's first bit at the address.
    public let bitOffset: UInt8
    /// The width of one access.
    public let accessSize: AccessSize
    /// The address in its space.
    public let address: UInt64

    /// Describes a register.
    public init(space: Space, bitWidth: UInt8, bitOffset: UInt8 = 0, accessSize: AccessSize, address: UInt64) {
        self.space = space
        self.bitWidth = bitWidth
        self.bitOffset = bitOffset
        self.accessSize = accessSize
        self.address = address
    }

    /// A register of one byte at an I/O port.
    public static func ioPort(_ port: UInt16) -> GenericAddress {
        GenericAddress(space: .systemIO, bitWidth: 8, accessSize: .byte, address: UInt64(port))
    }

    /// A register of one byte in memory.
    public static func memoryByte(at address: UInt64) -> GenericAddress {
        GenericAddress(space: .systemMemory, bitWidth: 8, accessSize: .byte, address: address)
    }

    /// No register: all zero, which is how a table says that it has none.
    public static let none = GenericAddress(space: .systemMemory, bitWidth: 0, accessSize: .undefined, address: 0)

    /// The 12 bytes as they stand in a table.
    public var encoded: [UInt8] {
        var writer = TableWriter()
        writer.append(space.rawValue)
        writer.append(bitWidth)
        writer.append(bitOffset)
        writer.append(accessSize.rawValue)
        writer.append(address)
        return writer.bytes
    }
}
