// SPDX-License-Identifier: Apache-2.0

/// The register that restarts the machine, and the value to write there (ACPI 6.5, 4.8.3.6).
///
/// Linux on x86 writes it first of all its ways to reboot, unless its command line says `reboot=` something else.
public struct ResetRegister: Hashable, Sendable {
    /// Where: one byte in memory, at an I/O port or in the configuration space of a function on PCI bus 0.
    public let address: GenericAddress
    /// What to write.
    public let value: UInt8

    /// Names a register and its value.
    public init(address: GenericAddress, value: UInt8) {
        self.address = address
        self.value = value
    }

    /// A byte at an I/O port.
    public static func ioPort(_ port: UInt16, value: UInt8 = 1) -> ResetRegister {
        ResetRegister(address: .ioPort(port), value: value)
    }
}
