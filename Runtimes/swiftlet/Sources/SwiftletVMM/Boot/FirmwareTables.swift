// SPDX-License-Identifier: Apache-2.0
internal import ACPITables
internal import VMMemory

/// The ACPI tables of the machine: how a stock kernel finds CPUs, interrupt controller, devices and the off switch.
enum FirmwareTables {
    /// A device at a virtio-mmio window.
    struct VirtioWindow {
        let address: UInt64
        let interrupt: UInt32
    }

    /// Lays the tables out where `Layout` wants them.
    static func image(
        cpuCount: Int, hasKeyboard: Bool, windows: [VirtioWindow]
    ) throws(MachineError) -> TableSet.Image {
        do {
            var devices: [AMLTerm] = [try soft(off: Layout.sleepTypeOff), try serialPort()]
            if hasKeyboard { devices.append(try .keyboard("\\_SB.KBD_", interrupt: Layout.keyboardInterrupt)) }
            for (index, window) in windows.enumerated() { devices.append(try virtio(index, window)) }
            let tables = TableSet(
                fadt: FADT(
                    hardware: .reduced(
                        SleepControl.ioPorts(control: Layout.sleepControl, status: Layout.sleepStatus)),
                    reset: .ioPort(Layout.reset, value: Layout.resetValue),
                    // Said to be absent, so that no driver waits for an answer: the time comes from kvm-clock.
                    bootArchitecture: hasKeyboard
                        ? [.vgaNotPresent, .cmosRTCNotPresent, .has8042] : [.vgaNotPresent, .cmosRTCNotPresent],
                    flags: [.noFixedPowerButton, .noFixedSleepButton, .headless]),
                dsdt: devices,
                madt: MADT(
                    entries: MADT.processors(count: UInt32(cpuCount))
                        + [.ioAPIC(id: 0, address: Layout.ioapic, firstInterrupt: 0)]))
            return try tables.image(at: Layout.firmwareTables.rawValue)
        } catch let error as TableError {
            throw .firmware(error)
        } catch {
            throw .boot("ACPI tables: \(error)")
        }
    }

    private static func soft(off type: UInt8) throws -> AMLTerm {
        try .name("\\_S5", .package([.integer(UInt64(type)), .integer(0), .integer(0), .integer(0)]))
    }

    private static func serialPort() throws -> AMLTerm {
        try .device(
            "\\_SB.COM1",
            [
                .name("_HID", .eisaID("PNP0501")),
                .name("_UID", .integer(0)),
                .name(
                    "_CRS",
                    .resourceTemplate([
                        .ioPorts(base: Layout.serialPort, count: 8),
                        .isaInterrupt(Layout.serialInterrupt),
                    ])),
            ])
    }

    private static func virtio(_ index: Int, _ window: VirtioWindow) throws -> AMLTerm {
        let digits = Array("0123456789ABCDEF")
        return try .device(
            "\\_SB.VR\(digits[index / 16 % 16])\(digits[index % 16])",
            [
                .name("_HID", .string("LNRO0005")),
                .name("_UID", .integer(UInt64(index))),
                .name("_CCA", .integer(1)),
                .name(
                    "_CRS",
                    .resourceTemplate([
                        .memory32Fixed(
                            base: UInt32(truncatingIfNeeded: window.address),
                            byteCount: UInt32(Layout.virtioStride)),
                        .interrupt(window.interrupt),
                    ])),
            ])
    }
}
