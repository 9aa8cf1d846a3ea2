// SPDX-License-Identifier: Apache-2.0
import ACPITables
import Testing

@Suite struct TableSetTests {
    /// The bytes of the table at a guest address, by the length in its header.
    private func table(_ image: TableSet.Image, at address: UInt64) -> [UInt8] {
        let offset = Int(address - image.address)
        let length = Int(field(image.bytes, at: offset + 4, byteCount: 4))
        return Array(image.bytes[offset..<offset + length])
    }

    @Test("from the root pointer every table is reached, and all checksums hold")
    func walk() throws {
        let image = try sampleMachine().image(at: 0xE_0000)
        #expect(image.rsdpAddress == 0xE_0000)
        let rsdp = Array(image.bytes.prefix(36))
        #expect(sum(rsdp) == 0)
        let xsdt = table(image, at: field(rsdp, at: 24, byteCount: 8))
        #expect(text(xsdt.prefix(4)) == "XSDT")
        #expect(sum(xsdt) == 0)
        var signatures: [String] = []
        for offset in stride(from: 36, to: xsdt.count, by: 8) {
            let listed = table(image, at: field(xsdt, at: offset, byteCount: 8))
            #expect(sum(listed) == 0)
            signatures.append(text(listed.prefix(4)))
            if signatures.last == "FACP" {
                let dsdt = table(image, at: field(listed, at: 140, byteCount: 8))
                #expect(text(dsdt.prefix(4)) == "DSDT")
                #expect(sum(dsdt) == 0)
                #expect(field(listed, at: 132, byteCount: 8) == 0, "reduced hardware needs no FACS")
            }
        }
        #expect(signatures == ["FACP", "APIC", "MCFG", "SPCR"])
    }

    @Test("fixed hardware brings a FACS that is aligned to 64 bytes")
    func facs() throws {
        var machine = try sampleMachine()
        machine.fadt.hardware = .fixed(.init(systemControlInterrupt: 9, pm1EventPort: 0x600, pm1ControlPort: 0x604))
        let image = try machine.image(at: 0x9_FC10)
        #expect(image.address == 0x9_FC40)
        let facs = try #require(image.tables.first { $0.signature == "FACS" })
        #expect(facs.address % 64 == 0)
        let fadt = try #require(image.tables.first { $0.signature == "FACP" })
        #expect(field(table(image, at: fadt.address), at: 132, byteCount: 8) == facs.address)
    }

    @Test("tables that the package does not know are listed too")
    func others() throws {
        var machine = try sampleMachine()
        machine.others = [
            try RawTable(signature: "WAET", revision: 1, body: [3, 0, 0, 0]).encoded(),
            try DefinitionBlock(.ssdt, [.name("\\TEST", .integer(1))]).encoded(),
        ]
        let image = try machine.image(at: 0xE_0000)
        #expect(image.tables.suffix(3).map { $0.signature } == ["WAET", "SSDT", "XSDT"])
    }

    @Test("no table overlaps another, and all lie in the image")
    func layout() throws {
        let image = try sampleMachine().image(at: 0xE_0000)
        var end = image.address + 36
        for (_, address) in image.tables.dropFirst() {
            #expect(address >= end)
            end = address + UInt64(table(image, at: address).count)
        }
        #expect(end == image.address + UInt64(image.bytes.count))
    }

    @Test("tables that pass the end of the address space are refused", arguments: [UInt64.max, UInt64.max - 127])
    func overflow(_ address: UInt64) throws {
        let machine = try sampleMachine()
        #expect(throws: TableError.self) { try machine.image(at: address) }
    }

    @Test("bytes that are no table are refused")
    func notATable() throws {
        var machine = try sampleMachine()
        machine.others = [Array("SHRT".utf8)]
        #expect(throws: TableError.notATable(signature: "SHRT", byteCount: 4)) { try machine.image(at: 0) }
    }
}
