// SPDX-License-Identifier: Apache-2.0
import ACPITables
import Glibc
import Testing

/// Another implementation reads the tables: ACPICA's compiler and disassembler.
@Suite(.enabled(if: access(iasl, X_OK) == 0, "needs /usr/bin/iasl (Debian: acpica-tools)"))
struct DisassemblyTests {
    /// All but the RSDP, which iasl only reads out of a dump of a whole machine.
    static let kinds = ["XSDT", "FACP", "FACS", "FIXED", "APIC", "MCFG", "SPCR", "DSDT", "SSDT"]

    static func bytes(of kind: String) throws -> [UInt8] {
        let machine = try sampleMachine()
        switch kind {
        case "XSDT": return XSDT(tableAddresses: [0xE_2000, 0xE_3000]).encoded()
        case "FACP": return machine.fadt.encoded(dsdtAddress: 0xE_4000)
        case "FACS": return FACS(hardwareSignature: 1).encoded()
        case "FIXED":
            var hardware = FixedHardware(
                systemControlInterrupt: 9, pm1EventPort: 0x600, pm1ControlPort: 0x604, timerPort: 0x608)
            hardware.generalPurposeEvents = (0x620, 16)
            return FADT(hardware: .fixed(hardware)).encoded(dsdtAddress: 0xE_4000, facsAddress: 0xE_5000)
        case "APIC":
            var table = try #require(machine.madt)
            table.entries += [
                .interruptSourceOverride(isaInterrupt: 9, globalInterrupt: 9, signal: [.level, .activeLow]),
                .localX2APIC(processorUID: 256, x2APICID: 256, isEnabled: true),
                .localX2APICNMI(processorUID: .max, signal: .conformsToBus, input: 1),
            ]
            return table.encoded()
        case "MCFG": return try #require(machine.mcfg).encoded()
        case "SPCR": return try #require(machine.spcr).encoded()
        case "DSDT": return DefinitionBlock(.dsdt, machine.dsdt).encoded()
        default: return DefinitionBlock(.ssdt, try everyTerm()).encoded()
        }
    }

    /// Each kind of term at least once, in code that compiles.
    static func everyTerm() throws -> [AMLTerm] {
        [
            try .device(
                "TST0",
                [
                    .name("_HID", .string("TEST0001")),
                    .name("_UID", .integer(0x1234_5678_9ABC)),
                    .name("BUFF", .buffer([1, 2, 3])),
                    .name("PACK", .package([.integer(.max), .string("text"), .package([])])),
                    .name(
                        "_CRS",
                        .resourceTemplate([
                            .memory32Fixed(base: 0xD000_0000, byteCount: 0x1000, isWritable: false),
                            .memory64(base: 0x80_0000_0000, byteCount: 0x4000_0000, isCacheable: true),
                            .ioPorts(base: 0x600, count: 4),
                            .interrupts([5, 6], signal: [.activeLow, .shared]),
                            .isaInterrupt(4),
                        ])
                    ),
                    .operationRegion("REGS", space: .systemIO, offset: 0x600, byteCount: 16),
                    .field(
                        "REGS",
                        access: .byte,
                        [.named("CTRL", bitCount: 8), .reserved(bitCount: 8), .named("WIDE", bitCount: 64)]
                    ),
                    .method(
                        "SCAN",
                        argumentCount: 2,
                        isSerialized: true,
                        [
                            .store(.arg0, to: .local0),
                            .while(
                                .greater(.local0, .integer(0)),
                                [.subtract(.local0, .integer(1), to: .local0)]
                            ),
                            .if(
                                .or(.and(.not(.arg1), .less(.local0, .integer(9))), .equal(.arg0, .arg1)),
                                [.bitOr(.arg0, .arg1, to: .path("CTRL"))],
                                else: [.notify("TST0", .integer(1))]
                            ),
                            .bitAnd(.shiftLeft(.arg0, by: .integer(2)), .integer(0xFF), to: .local1),
                            .shiftRight(.local1, by: .integer(1), to: .local2),
                            .return(.add(.local1, .local2)),
                        ]
                    ),
                    .method("_STA", [.return(.call("SCAN", [.integer(1), .integer(2)]))]),
                ]
            )
        ]
    }

    @Test(
        "iasl disassembles every table without a complaint, and compiles the result to the same bytes", arguments: kinds
    )
    func disassembles(_ kind: String) throws {
        let folder = try TemporaryFolder()
        let bytes = try Self.bytes(of: kind)
        try folder.write(bytes, to: "table.aml")
        let disassembly = try folder.run([iasl, "-d", "table.aml"])
        #expect(disassembly.status == 0, "\(disassembly.output)")
        #expect(complaints(in: disassembly.output) == [])
        let source = try folder.read("table.dsl")
        #expect(complaints(in: text(source)) == [])

        // -on: do not shorten names, such as \_S5 to _S5 at the root. -z: leave a data table's creator alone.
        let compilation = try folder.run([iasl, "-on", "-z", "-p", "again", "table.dsl"])
        #expect(compilation.status == 0, "\(compilation.output)\n\(text(source))")
        #expect(compilation.output.contains("0 Errors, 0 Warnings"), "\(compilation.output)\n\(text(source))")
        guard let again = try? folder.read("again.aml") else {
            Issue.record("no compiled table: \(compilation.output)")
            return
        }
        if kind != "DSDT", kind != "SSDT" { return #expect(again == bytes) }
        // iasl puts its own creator ID and revision into the header, at 28 to 35, so the checksum at 9 differs too.
        #expect(Array(again.prefix(9)) == Array(bytes.prefix(9)))
        #expect(Array(again.dropFirst(36)) == Array(bytes.dropFirst(36)), "\(text(source))")
    }
}

/// Lines of iasl's output that say that something is not right.
private func complaints(in output: String) -> [String] {
    output.split(separator: "\n").map(String.init).filter { line in
        let lower = line.lowercased()
        return ["error", "warning", "invalid", "unknown", "incorrect", "unresolved"].contains { lower.contains($0) }
    }
}
