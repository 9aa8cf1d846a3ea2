// SPDX-License-Identifier: Apache-2.0

/// The sleep registers of hardware-reduced ACPI, and what the guest says through them (ACPI 6.5, 4.8.3.7).
///
/// To power off, Linux evaluates `\_S5`, writes 0x80 to the status register (clears WAK_STS), writes
/// `SLP_TYP << 2 | SLP_EN` to the control register and then reads the status register for as long as WAK_STS is
/// clear. So the machine acts on the write to the control register; a status register that reads as zero is enough.
/// Linux takes both registers or none (`acpi_sleep_state_supported`), and `\_S5` besides.
public struct SleepControl: Hashable, Sendable {
    /// SLEEP_CONTROL_REG: the guest writes here to sleep.
    public let control: GenericAddress
    /// SLEEP_STATUS_REG: the guest waits here to be woken.
    public let status: GenericAddress

    /// Names the two registers.
    public init(control: GenericAddress, status: GenericAddress) {
        self.control = control
        self.status = status
    }

    /// Two I/O ports of one byte, which may be next to each other.
    public static func ioPorts(control: UInt16, status: UInt16) -> SleepControl {
        SleepControl(control: .ioPort(control), status: .ioPort(status))
    }

    /// The SLP_TYP that a byte written to the control register asks for.
    /// - Returns: 0 to 7, to be compared with the value that `\_S5` holds; nil if SLP_EN is clear, so nothing is asked.
    public static func requestedSleepType(in value: UInt8) -> UInt8? {
        value & 0x20 == 0 ? nil : (value >> 2) & 7
    }
}
