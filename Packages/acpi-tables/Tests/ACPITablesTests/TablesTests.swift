// SPDX-License-Identifier: Apache-2.0
import ACPITables
import Testing

@Suite struct TablesTests {
    @Test("the root pointer has two checksums")
    func rootPointer() {
        let bytes = RSDP(xsdtAddress: 0x1234_5678_9ABC).encoded()
        #expect(bytes.count == 36)
        #expect(text(bytes.prefix(8)) == "RSD PTR ")
        #expect(sum(bytes.prefix(20)) == 0)
        #expect(sum(bytes) == 0)
        #expect(bytes[15] == 2)
        #expect(field(bytes, at: 20, byteCount: 4) == 36)
        #expect(field(bytes, at: 24, byteCount: 8) == 0x1234_5678_9ABC)
    }

    @Test("the FACS has 64 bytes and no checksum")
    func firmwareControl() {
        let bytes = FACS(hardwareSignature: 7).encoded()
        #expect(bytes.count == 64)
        #expect(text(bytes.prefix(4)) == "FACS")
        #expect(field(bytes, at: 4, byteCount: 4) == 64)
        #expect(field(bytes, at: 8, byteCount: 4) == 7)
        #expect(bytes[32] == 2)
    }

    @Test("a machine with reduced hardware names sleep and reset registers, and no PM1 block")
    func reducedHardware() {
        let table = FADT(
            hardware: .reduced(.ioPorts(control: 0x600, status: 0x601)),
            reset: .ioPort(0x602, value: 9),
            bootArchitecture: [.has8042, .vgaNotPresent, .cmosRTCNotPresent]
        )
        let bytes = table.encoded(dsdtAddress: 0xE_1000)
        #expect(bytes.count == 276)
        #expect(sum(bytes) == 0)
        #expect(bytes[8] == 6 && bytes[131] == 5, "revision 6.5")
        #expect(field(bytes, at: 109, byteCount: 2) == 0b100110)
        let flags = field(bytes, at: 112, byteCount: 4)
        #expect(flags & (1 << 20) != 0, "HW_REDUCED")
        #expect(flags & (1 << 10) != 0, "RESET_REG_SUP")
        #expect(Array(bytes[116..<129]) == [1, 8, 0, 1, 0x02, 0x06, 0, 0, 0, 0, 0, 0, 9])
        #expect(field(bytes, at: 140, byteCount: 8) == 0xE_1000)
        #expect(bytes[46..<108].allSatisfy { $0 == 0 })
        #expect(bytes[148..<244].allSatisfy { $0 == 0 })
        #expect(Array(bytes[244..<256]) == [1, 8, 0, 1, 0x00, 0x06, 0, 0, 0, 0, 0, 0])
        #expect(Array(bytes[256..<268]) == [1, 8, 0, 1, 0x01, 0x06, 0, 0, 0, 0, 0, 0])
    }

    @Test("without a reset register nothing claims that there is one")
    func noReset() {
        let bytes = FADT(hardware: .reduced(nil)).encoded(dsdtAddress: 0)
        #expect(field(bytes, at: 112, byteCount: 4) & (1 << 10) == 0)
        #expect(bytes[116..<129].allSatisfy { $0 == 0 })
        #expect(bytes[244..<268].allSatisfy { $0 == 0 })
    }

    @Test("a machine with fixed hardware has its blocks in both forms")
    func fixedHardware() {
        var hardware = FixedHardware(
            systemControlInterrupt: 9, pm1EventPort: 0x600, pm1ControlPort: 0x604, timerPort: 0x608)
        hardware.generalPurposeEvents = (0x620, 16)
        let bytes = FADT(hardware: .fixed(hardware)).encoded(dsdtAddress: 0x2000, facsAddress: 0x1000)
        #expect(bytes.count == 276)
        #expect(sum(bytes) == 0)
        #expect(field(bytes, at: 112, byteCount: 4) & (1 << 20) == 0)
        #expect(field(bytes, at: 132, byteCount: 8) == 0x1000)
        #expect(field(bytes, at: 46, byteCount: 2) == 9)
        #expect(field(bytes, at: 56, byteCount: 4) == 0x600)
        #expect(field(bytes, at: 64, byteCount: 4) == 0x604)
        #expect(field(bytes, at: 76, byteCount: 4) == 0x608)
        #expect(field(bytes, at: 80, byteCount: 4) == 0x620)
        #expect(Array(bytes[88..<96]) == [4, 2, 0, 4, 16, 0, 0, 0])
        #expect(Array(bytes[148..<160]) == [1, 32, 0, 2, 0, 6, 0, 0, 0, 0, 0, 0])
        #expect(Array(bytes[172..<184]) == [1, 16, 0, 2, 4, 6, 0, 0, 0, 0, 0, 0])
        #expect(Array(bytes[208..<220]) == [1, 32, 0, 3, 8, 6, 0, 0, 0, 0, 0, 0])
        #expect(Array(bytes[220..<232]) == [1, 128, 0, 1, 0x20, 6, 0, 0, 0, 0, 0, 0])
    }

    @Test("APIC IDs up to 254 have the short entry, those above the long one")
    func processors() {
        let entries = MADT.processors(count: 257)
        #expect(entries[254] == .localAPIC(processorUID: 254, apicID: 254, isEnabled: true))
        #expect(entries[255] == .localX2APIC(processorUID: 255, x2APICID: 255, isEnabled: true))
        let bytes = MADT(entries: entries).encoded()
        #expect(bytes.count == 44 + 255 * 8 + 2 * 16)
        #expect(sum(bytes) == 0)
    }

    @Test("a processor with a small UID and a large APIC ID has the long entry")
    func sparseIDs() {
        #expect(
            MADT.processors(apicIDs: [0, 0x400])
                == [
                    .localAPIC(processorUID: 0, apicID: 0, isEnabled: true),
                    .localX2APIC(processorUID: 1, x2APICID: 0x400, isEnabled: true),
                ]
        )
    }

    @Test("each entry of the MADT has its bytes")
    func entries() {
        let table = MADT(
            hasLegacyPICs: true,
            entries: [
                .localAPIC(processorUID: 1, apicID: 2, isEnabled: true),
                .ioAPIC(id: 3, address: 0xFEC0_0000, firstInterrupt: 24),
                .interruptSourceOverride(isaInterrupt: 9, globalInterrupt: 9, signal: [.level, .activeLow]),
                .localAPICNMI(processorUID: 255, signal: [.edge, .activeHigh], input: 1),
                .localX2APIC(processorUID: 0x100, x2APICID: 0x101, isEnabled: false),
                .localX2APICNMI(processorUID: .max, signal: .conformsToBus, input: 1),
            ]
        )
        let bytes = table.encoded()
        #expect(
            Array(bytes[36...])
                == [
                    0x00, 0x00, 0xE0, 0xFE, 1, 0, 0, 0,
                    0, 8, 1, 2, 1, 0, 0, 0,
                    1, 12, 3, 0, 0x00, 0x00, 0xC0, 0xFE, 24, 0, 0, 0,
                    2, 10, 0, 9, 9, 0, 0, 0, 0x0F, 0,
                    4, 6, 255, 5, 0, 1,
                    9, 16, 0, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0,
                    10, 12, 0, 0, 0xFF, 0xFF, 0xFF, 0xFF, 1, 0, 0, 0,
                ]
        )
    }

    @Test("the MCFG has 16 bytes a segment after 8 reserved ones")
    func pciConfiguration() {
        let bytes = MCFG(allocations: [.init(baseAddress: 0xE000_0000, segment: 1, firstBus: 2, lastBus: 3)]).encoded()
        #expect(bytes.count == 60)
        #expect(Array(bytes[44...]) == [0, 0, 0, 0xE0, 0, 0, 0, 0, 1, 0, 2, 3, 0, 0, 0, 0])
    }

    @Test("a header carries length, revision and identity")
    func header() throws {
        let identity = try TableIdentity(oemID: "ME", oemTableID: "MACHINE", oemRevision: 3, creatorID: "X")
        let bytes = XSDT(tableAddresses: [1, 2]).encoded(identity: identity)
        #expect(text(bytes.prefix(4)) == "XSDT")
        #expect(field(bytes, at: 4, byteCount: 4) == 52)
        #expect(text(bytes[10..<24]) == "ME    MACHINE ")
        #expect(field(bytes, at: 24, byteCount: 4) == 3)
        #expect(text(bytes[28..<32]) == "X   ")
        #expect(sum(bytes) == 0)
    }

    @Test("an identifier that does not fit its field is refused")
    func identifiers() {
        #expect(throws: TableError.badIdentifier(field: "oem id", text: "SEVENTY")) {
            try TableIdentity(oemID: "SEVENTY", oemTableID: "")
        }
        #expect(throws: TableError.badIdentifier(field: "oem table id", text: "A\n")) {
            try TableIdentity(oemID: "A", oemTableID: "A\n")
        }
        #expect(throws: TableError.badIdentifier(field: "signature", text: "abcd")) {
            try RawTable(signature: "abcd", revision: 1, body: [])
        }
    }

    @Test(
        "the sleep type is read only when SLP_EN is set",
        arguments: [(0x34, 5), (0x20, 0), (0x3C, 7), (0x14, nil), (0x00, nil)] as [(UInt8, UInt8?)]
    )
    func sleepType(_ row: (written: UInt8, type: UInt8?)) {
        #expect(SleepControl.requestedSleepType(in: row.written) == row.type)
        let word = UInt16(row.written & 0x1C) << 8 | UInt16(row.written & 0x20) << 8
        #expect(FixedHardware.requestedSleepType(in: word) == row.type)
    }
}
