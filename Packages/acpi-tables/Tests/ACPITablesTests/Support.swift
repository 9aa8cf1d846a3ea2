// SPDX-License-Identifier: Apache-2.0
import ACPITables
import Glibc

/// Sum of all bytes modulo 256: zero for every table but the FACS.
func sum(_ bytes: some Sequence<UInt8>) -> UInt8 { bytes.reduce(0, &+) }

/// A little-endian field of a table.
func field(_ bytes: [UInt8], at offset: Int, byteCount: Int) -> UInt64 {
    bytes[offset..<offset + byteCount].reversed().reduce(0) { $0 << 8 | UInt64($1) }
}

func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }

/// The machine that the tests build: serial port, keyboard, two virtio devices, events, power off and reset.
func sampleMachine() throws -> TableSet {
    let devices: [AMLTerm] = [
        try .softOff(),
        try .scope(
            "\\_SB",
            [
                .serialPort("COM1", uid: 0, port: 0x3F8, interrupt: 4),
                .keyboard("PS2K"),
                .virtioMMIO("V000", uid: 0, address: 0xD000_0000, interrupt: 5),
                .virtioMMIO("V001", uid: 1, address: 0xD000_1000, interrupt: 6),
                .powerButton("PWRB"),
                .processor("C000", uid: 0),
                .genericEventDevice(
                    "GED0",
                    events: [
                        .init(interrupt: 7, handler: [.notify("PWRB", .integer(0x80))]),
                        .init(interrupt: 8, handler: [.notify("V000", .integer(0))]),
                    ]
                ),
            ]
        ),
    ]
    return TableSet(
        fadt: FADT(
            hardware: .reduced(.ioPorts(control: 0x600, status: 0x601)),
            reset: .ioPort(0x602),
            bootArchitecture: [.has8042, .vgaNotPresent, .cmosRTCNotPresent]
        ),
        dsdt: devices,
        madt: MADT(
            entries: MADT.processors(count: 4) + [
                .ioAPIC(id: 0, address: 0xFEC0_0000, firstInterrupt: 0),
                .localAPICNMI(processorUID: 255, signal: .conformsToBus, input: 1),
            ]
        ),
        mcfg: MCFG(allocations: [.init(baseAddress: 0xE000_0000)]),
        spcr: SPCR(port: 0x3F8, isaInterrupt: 4, globalInterrupt: 4)
    )
}
