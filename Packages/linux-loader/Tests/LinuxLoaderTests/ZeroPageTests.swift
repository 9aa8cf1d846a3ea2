// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import LinuxLoaderTestSupport
import Testing
import VMMemory

@Suite struct ZeroPageTests {
    @Test("for a bare ELF the page has the marks of a valid one and nothing else")
    func bare() throws {
        var options = BootOptions()
        options.rsdp = address(0xe_0000)
        let loaded = try Loaded(ELFBuilder().build().bytes, initrdByteCount: 5000, options: options)
        #expect(try loaded.load(UInt64.self, at: 0x7070) == 0xe_0000)
        #expect(try loaded.load(UInt8.self, at: 0x71e8) == 3)
        #expect(try loaded.load(UInt8.self, at: 0x71ef) == 0)  // sentinel
        #expect(try loaded.load(UInt16.self, at: 0x71fe) == 0xaa55)
        #expect(try loaded.bytes(at: 0x7202, count: 4) == Array("HdrS".utf8))
        #expect(try loaded.load(UInt8.self, at: 0x7210) == 0xff)
        #expect(try loaded.load(UInt8.self, at: 0x7211) == 1)
        #expect(try loaded.load(UInt32.self, at: 0x7218) == 0x1ff_e000)
        #expect(try loaded.load(UInt32.self, at: 0x721c) == 5000)
        #expect(try loaded.load(UInt32.self, at: 0x7228) == 0x2_0000)
        #expect(try loaded.load(UInt32.self, at: 0x7230) == 0x20_0000)
        #expect(try loaded.load(UInt32.self, at: 0x7238) == 2047)
        // The rest is zero although the memory was not.
        #expect(try loaded.bytes(at: 0x7000, count: 0x70).allSatisfy { $0 == 0 })
        #expect(try loaded.bytes(at: 0x7290, count: 0x40).allSatisfy { $0 == 0 })
        #expect(try loaded.bytes(at: 0x72d0 + 60, count: 0xd30 - 60).allSatisfy { $0 == 0 })
        #expect(try loaded.load(UInt8.self, at: 0x8000) == 0xa5)
    }

    @Test("the e820 table is the memory map")
    func e820() throws {
        let loaded = try Loaded(ELFBuilder().build().bytes)
        for (index, expected) in [
            (0x0, 0x9_fc00, 1), (0x9_fc00, 0x6_0400, 2), (0x10_0000, 31 << 20, 1),
        ].enumerated() as EnumeratedSequence<[(UInt64, UInt64, UInt32)]> {
            let entry = 0x72d0 + UInt64(index) * 20
            #expect(try loaded.load(UInt64.self, at: entry) == expected.0)
            #expect(try loaded.load(UInt64.self, at: entry + 8) == expected.1)
            #expect(try loaded.load(UInt32.self, at: entry + 16) == expected.2)
        }
    }

    @Test("a bzImage's header is copied, but what is the loader's to say is not taken from the file")
    func header() throws {
        var file = BzImageBuilder(payload: ELFBuilder().build().bytes, unpackedByteCount: nil).build()
        file.set(UInt64.max, at: 0x250)  // setup_data
        file.set(UInt64.max, at: 0x218)  // ramdisk
        file.set(UInt32.max, at: 0x228)  // cmd_line_ptr
        file.set(UInt16.max, at: 0x224)  // heap_end_ptr
        file.set(UInt8.max, at: 0x1ef)  // sentinel, before the header
        file.set(UInt8.max, at: 0x211)  // loadflags
        file.set(UInt8.max, at: 0x26c)  // behind the header
        let loaded = try Loaded(file.bytes)
        #expect(try loaded.bytes(at: 0x7202, count: 4) == Array("HdrS".utf8))
        #expect(try loaded.load(UInt16.self, at: 0x7206) == 0x20f)
        #expect(try loaded.load(UInt64.self, at: 0x7258) == 0x100_0000)
        #expect(try loaded.load(UInt32.self, at: 0x7214) == 0x100_0000)
        #expect(try loaded.load(UInt64.self, at: 0x7250) == 0)
        #expect(try loaded.load(UInt64.self, at: 0x7218) == 0)
        #expect(try loaded.load(UInt32.self, at: 0x7228) == 0x2_0000)
        #expect(try loaded.load(UInt16.self, at: 0x7224) == 0)
        #expect(try loaded.load(UInt8.self, at: 0x71ef) == 0)
        #expect(try loaded.load(UInt8.self, at: 0x7211) == 1)
        #expect(try loaded.load(UInt8.self, at: 0x726c) == 0)
    }
}
