// SPDX-License-Identifier: Apache-2.0
import ACPITables
import Testing

@Suite struct ResourceDescriptorTests {
    @Test("memory below 4 GiB")
    func memory32() throws {
        let bytes = try ResourceDescriptor.memory32Fixed(base: 0xD000_1000, byteCount: 0x1000).encoded
        #expect(bytes == [0x86, 9, 0, 1, 0x00, 0x10, 0x00, 0xD0, 0x00, 0x10, 0x00, 0x00])
    }

    @Test("memory may end with the last byte below 4 GiB and not one further")
    func memory32Border() throws {
        #expect(try ResourceDescriptor.memory32Fixed(base: 0xFFFF_F000, byteCount: 0x1000).encoded.count == 12)
        #expect(throws: AMLError.badRange(base: 0xFFFF_F000, byteCount: 0x1001)) {
            try ResourceDescriptor.memory32Fixed(base: 0xFFFF_F000, byteCount: 0x1001)
        }
        #expect(throws: AMLError.badRange(base: 0, byteCount: 0)) {
            try ResourceDescriptor.memory32Fixed(base: 0, byteCount: 0)
        }
    }

    @Test("memory above 4 GiB holds first and last address and the length")
    func memory64() throws {
        let bytes = try ResourceDescriptor.memory64(base: 0x80_0000_0000, byteCount: 0x1000).encoded
        #expect(bytes.prefix(6) == [0x8A, 0x2B, 0, 0, 0x0D, 1])
        #expect(bytes.count == 3 + 0x2B)
        #expect(field(bytes, at: 14, byteCount: 8) == 0x80_0000_0000)
        #expect(field(bytes, at: 22, byteCount: 8) == 0x80_0000_0FFF)
        #expect(field(bytes, at: 38, byteCount: 8) == 0x1000)
        #expect(throws: AMLError.badRange(base: .max, byteCount: 2)) {
            try ResourceDescriptor.memory64(base: .max, byteCount: 2)
        }
        #expect(throws: AMLError.badRange(base: 0, byteCount: 0)) {
            try ResourceDescriptor.memory64(base: 0, byteCount: 0)
        }
    }

    @Test("ports of a serial line")
    func ports() throws {
        #expect(
            try ResourceDescriptor.ioPorts(base: 0x3F8, count: 8).encoded == [0x47, 1, 0xF8, 3, 0xF8, 3, 1, 8]
        )
        #expect(throws: AMLError.badRange(base: 0xFFFF, byteCount: 2)) {
            try ResourceDescriptor.ioPorts(base: 0xFFFF, count: 2)
        }
    }

    @Test("interrupts say who consumes them and how they are raised")
    func interrupts() throws {
        #expect(try ResourceDescriptor.interrupt(5).encoded == [0x89, 6, 0, 0x03, 1, 5, 0, 0, 0])
        #expect(
            try ResourceDescriptor.interrupts([1, 256], signal: [.activeLow, .shared]).encoded
                == [0x89, 10, 0, 0x0D, 2, 1, 0, 0, 0, 0, 1, 0, 0]
        )
        #expect(try ResourceDescriptor.isaInterrupt(4).encoded == [0x22, 0x10, 0])
        #expect(throws: AMLError.badInterrupt(16)) { try ResourceDescriptor.isaInterrupt(16) }
        #expect(throws: AMLError.badInterruptCount(0)) { try ResourceDescriptor.interrupts([]) }
        #expect(throws: AMLError.badInterruptCount(256)) {
            try ResourceDescriptor.interrupts([UInt32](repeating: 1, count: 256))
        }
    }

    @Test("a template is a buffer that ends with an end tag")
    func template() throws {
        let term = try AMLTerm.resourceTemplate([.isaInterrupt(4)])
        #expect(term.encoded == [0x11, 0x08, 0x0A, 5, 0x22, 0x10, 0, 0x79, 0])
    }
}
