// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import LinuxLoaderTestSupport
import Testing
import VMMemory

@Suite struct PVHStartInfoTests {
    @Test("start info, map and module list say where things are")
    func contents() throws {
        var options = BootOptions()
        options.rsdp = address(0xe_0000)
        let loaded = try Loaded(BootPlanTests.pvhELF, initrdByteCount: 5000, options: options)
        #expect(try loaded.load(UInt32.self, at: 0x6000) == 0x336e_c578)
        #expect(try loaded.load(UInt32.self, at: 0x6004) == 1)
        #expect(try loaded.load(UInt32.self, at: 0x6008) == 0)
        #expect(try loaded.load(UInt32.self, at: 0x600c) == 1)
        #expect(try loaded.load(UInt64.self, at: 0x6010) == 0x6040)
        #expect(try loaded.load(UInt64.self, at: 0x6018) == 0x2_0000)
        #expect(try loaded.load(UInt64.self, at: 0x6020) == 0xe_0000)
        #expect(try loaded.load(UInt64.self, at: 0x6028) == 0x7000)
        #expect(try loaded.load(UInt32.self, at: 0x6030) == 3)
        #expect(try loaded.load(UInt32.self, at: 0x6034) == 0)
        #expect(try loaded.load(UInt64.self, at: 0x6040) == 0x1ff_e000)
        #expect(try loaded.load(UInt64.self, at: 0x6048) == 5000)
        #expect(try loaded.bytes(at: 0x6050, count: 16).allSatisfy { $0 == 0 })
        #expect(try loaded.load(UInt64.self, at: 0x7018) == 0x9_fc00)
        #expect(try loaded.load(UInt64.self, at: 0x7020) == 0x6_0400)
        #expect(try loaded.load(UInt32.self, at: 0x7028) == 2)
        #expect(try loaded.load(UInt32.self, at: 0x702c) == 0)
    }

    @Test("without an initrd there is no module, without an RSDP no pointer")
    func minimal() throws {
        let loaded = try Loaded(BootPlanTests.pvhELF)
        #expect(try loaded.load(UInt32.self, at: 0x600c) == 0)
        #expect(try loaded.load(UInt64.self, at: 0x6010) == 0)
        #expect(try loaded.load(UInt64.self, at: 0x6020) == 0)
        #expect(try loaded.load(UInt8.self, at: 0x6040) == 0xa5)
    }
}
