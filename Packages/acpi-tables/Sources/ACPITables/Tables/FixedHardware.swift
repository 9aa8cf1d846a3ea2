// SPDX-License-Identifier: Apache-2.0

/// The PM1 register blocks of a machine with fixed ACPI hardware, all at I/O ports (ACPI 6.5, 4.8).
public struct FixedHardware: Hashable, Sendable {
    /// The interrupt that fixed events raise, level triggered and active low.
    public var systemControlInterrupt: UInt16
    /// PM1a_EVT_BLK: 4 bytes, status and enable.
    public var pm1EventPort: UInt16
    /// PM1a_CNT_BLK: 2 bytes. SLP_TYP is bits 10 to 12, SLP_EN bit 13.
    public var pm1ControlPort: UInt16
    /// PM_TMR_BLK: 4 bytes that count at 3.579545 MHz; nil if there is no timer.
    public var timerPort: UInt16?
    /// GPE0_BLK; nil if there are no general-purpose events.
    public var generalPurposeEvents: (port: UInt16, byteCount: UInt8)? {
        get { eventPort == 0 ? nil : (eventPort, eventByteCount) }
        set {
            eventPort = newValue?.port ?? 0
            eventByteCount = newValue?.byteCount ?? 0
        }
    }

    private var eventPort: UInt16 = 0
    private var eventByteCount: UInt8 = 0

    /// Places the blocks. The machine is always in ACPI mode: there is no SMI command port.
    public init(
        systemControlInterrupt: UInt16,
        pm1EventPort: UInt16,
        pm1ControlPort: UInt16,
        timerPort: UInt16? = nil
    ) {
        self.systemControlInterrupt = systemControlInterrupt
        self.pm1EventPort = pm1EventPort
        self.pm1ControlPort = pm1ControlPort
        self.timerPort = timerPort
    }

    /// The SLP_TYP that a word written to the control block asks for; nil if SLP_EN is clear.
    public static func requestedSleepType(in value: UInt16) -> UInt8? {
        value & 0x2000 == 0 ? nil : UInt8(truncatingIfNeeded: value >> 10) & 7
    }

    /// SCI_INT to MON_ALRM, offsets 46 to 107; all zero without fixed hardware.
    static func appendLegacy(_ hardware: FixedHardware?, to writer: inout TableWriter) {
        guard let hardware else { return writer.append(zeros: 62) }
        writer.append(hardware.systemControlInterrupt)
        writer.append(zeros: 8)  // SMI_CMD, ACPI_ENABLE, ACPI_DISABLE, S4BIOS_REQ, PSTATE_CNT
        writer.append(UInt32(hardware.pm1EventPort))
        writer.append(UInt32(0))
        writer.append(UInt32(hardware.pm1ControlPort))
        writer.append(zeros: 8)
        writer.append(UInt32(hardware.timerPort ?? 0))
        writer.append(UInt32(hardware.eventPort))
        writer.append(UInt32(0))
        writer.append([4, 2, 0, hardware.timerPort == nil ? 0 : 4, hardware.eventByteCount, 0, 0, 0])
        // C2 and C3 latencies above these limits say that the states do not exist (ACPI 6.5, P_LVL2_LAT, P_LVL3_LAT).
        writer.append(UInt16(101))
        writer.append(UInt16(1001))
        writer.append(zeros: 8)  // flush, duty, alarms
    }

    /// X_PM1a_EVT_BLK to X_GPE1_BLK, offsets 148 to 243.
    static func appendExtended(_ hardware: FixedHardware?, to writer: inout TableWriter) {
        guard let hardware else { return writer.append(zeros: 96) }
        writer.append(block(hardware.pm1EventPort, bitWidth: 32, .word))
        writer.append(GenericAddress.none)
        writer.append(block(hardware.pm1ControlPort, bitWidth: 16, .word))
        writer.append(zeros: 24)
        writer.append(hardware.timerPort.map { block($0, bitWidth: 32, .doubleWord) } ?? .none)
        let eventBits = UInt8(clamping: Int(hardware.eventByteCount) * 8)
        writer.append(hardware.eventPort == 0 ? .none : block(hardware.eventPort, bitWidth: eventBits, .byte))
        writer.append(GenericAddress.none)
    }

    private static func block(
        _ port: UInt16,
        bitWidth: UInt8,
        _ accessSize: GenericAddress.AccessSize
    ) -> GenericAddress {
        GenericAddress(space: .systemIO, bitWidth: bitWidth, accessSize: accessSize, address: UInt64(port))
    }
}
