// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory

@Suite struct GuestMemoryAccessTests {
    struct Header: PlainBytes, Equatable {
        var address: UInt64
        var length: UInt32
        var flags: UInt16
        var next: UInt16
    }

    @Test("every integer type comes back as it was stored, little-endian")
    func integers() throws {
        let memory = try memory((0x1000, 0x1000))
        func check<T: GuestInteger>(_ value: T) throws {
            try memory.store(value, at: GuestAddress(0x1800))
            #expect(try memory.load(T.self, at: GuestAddress(0x1800)) == value)
            #expect(try memory.load(UInt8.self, at: GuestAddress(0x1800)) == UInt8(truncatingIfNeeded: value))
        }
        try check(0x12 as UInt8)
        try check(0x1234 as UInt16)
        try check(0x1234_5678 as UInt32)
        try check(0x1234_5678_9abc_def0 as UInt64)
        try check(0x1234_5678 as UInt)
        try check(-2 as Int8)
        try check(-3 as Int16)
        try check(-4 as Int32)
        try check(-5 as Int64)
        try check(-6 as Int)
    }

    @Test("an integer at any address, across adjacent regions too, comes back as it was stored")
    func misaligned() throws {
        let memory = try memory((0x1000, 0x1000), (0x2000, 0x1000))
        for address in UInt64(0x1ff0)...0x2004 {
            try memory.store(0x1122_3344_5566_7788 as UInt64, at: GuestAddress(address))
            #expect(try memory.load(UInt64.self, at: GuestAddress(address)) == 0x1122_3344_5566_7788)
            #expect(try memory.read(8, address) == [0x88, 0x77, 0x66, 0x55, 0x44, 0x33, 0x22, 0x11])
            try memory.store(0xaabb as UInt16, at: GuestAddress(address + 3))
            #expect(try memory.load(UInt16.self, at: GuestAddress(address + 3)) == 0xaabb)
        }
    }

    @Test("structures come back as they were stored, across regions too")
    func structures() throws {
        let memory = try memory((0x1000, 0x1000), (0x2000, 0x1000))
        let header = Header(address: 0x1234_5678_9abc, length: 512, flags: 3, next: 7)
        for address: UInt64 in [0x1000, 0x1ff0, 0x1ff8, 0x1ff5, 0x2001] {
            try memory.storePlain(header, at: GuestAddress(address))
            #expect(try memory.loadPlain(as: Header.self, at: GuestAddress(address)) == header)
            #expect(try memory.load(UInt32.self, at: GuestAddress(address + 8)) == 512)
        }
        let wide = UInt128(7) << 100
        try memory.storePlain(wide, at: GuestAddress(0x1ff8))
        #expect(try memory.loadPlain(as: UInt128.self, at: GuestAddress(0x1ff8)) == wide)
        #expect(throws: GuestMemoryError.partial(GuestAddress(0x2ff8), expected: 16, completed: 8)) {
            try memory.loadPlain(as: Header.self, at: GuestAddress(0x2ff8))
        }
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x3000))) {
            try memory.storePlain(header, at: GuestAddress(0x3000))
        }
    }

    @Test("fields of a given byte order lie in memory in that order")
    func byteOrder() throws {
        let memory = try memory((0x1000, 0x1000))
        try memory.storePlain(LittleEndian<UInt32>(0x0102_0304), at: GuestAddress(0x1000))
        try memory.storePlain(BigEndian<UInt32>(0x0102_0304), at: GuestAddress(0x1004))
        #expect(try memory.read(8, 0x1000) == [4, 3, 2, 1, 1, 2, 3, 4])
        #expect(try memory.loadPlain(as: BigEndian<UInt32>.self, at: GuestAddress(0x1004)).value == 0x0102_0304)
        var field = LittleEndian<UInt16>(1)
        field.value = 2
        #expect(field == LittleEndian(2))
    }

    @Test("bytes of every length and alignment come back, and their neighbours stay")
    func bytes() throws {
        let memory = try memory((0x1000, 0x1000))
        for offset in UInt64(0)..<17 {
            for count in Array(0...40) + [63, 64, 65, 127, 128, 200, 1000] {
                try memory.fill(0xcc, at: GuestAddress(0x1000), byteCount: 0x1000)
                let data = pattern(count, from: count)
                try memory.write(data, 0x1008 + offset)
                #expect(try memory.read(count, 0x1008 + offset) == data)
                #expect(try memory.load(UInt8.self, at: GuestAddress(0x1007 + offset)) == 0xcc)
                #expect(try memory.load(UInt8.self, at: GuestAddress(0x1008 + offset + UInt64(count))) == 0xcc)
            }
        }
    }

    @Test(
        "an access across adjacent regions is split; one that reaches a hole is partial, or an error with both counts")
    func holes() throws {
        let memory = try memory((0x1000, 0x1000), (0x2000, 0x1000), (0x4000, 0x1000))
        try memory.write(pattern(0x1800), 0x1400)
        #expect(try memory.read(0x1800, 0x1400) == pattern(0x1800))

        let data = pattern(0x100)
        #expect(try memory.writeSome(data, 0x2fc0) == 0x40)
        #expect(try memory.read(0x40, 0x2fc0) == Array(data[..<0x40]))
        #expect(try memory.readSome(0x100, 0x2fc0) == Array(data[..<0x40]))

        let partial = GuestMemoryError.partial(GuestAddress(0x2fc0), expected: 0x100, completed: 0x40)
        #expect(throws: partial) { try memory.write(data, 0x2fc0) }
        #expect(throws: partial) { try memory.read(0x100, 0x2fc0) }
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x3000))) { try memory.write(data, 0x3000) }
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x3000))) { try memory.read(1, 0x3000) }
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x3000))) {
            try memory.writeSome(data, 0x3000)
        }
        #expect(throws: GuestMemoryError.partial(GuestAddress(0x4fff), expected: 2, completed: 1)) {
            try memory.load(UInt16.self, at: GuestAddress(0x4fff))
        }
        #expect(throws: GuestMemoryError.partial(GuestAddress(0x4000), expected: 0x2000, completed: 0x1000)) {
            try memory.fill(1, at: GuestAddress(0x4000), byteCount: 0x2000)
        }
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x6000))) {
            try memory.fill(1, at: GuestAddress(0x6000), byteCount: .max)
        }
    }

    @Test("zero bytes succeed everywhere and do nothing")
    func empty() throws {
        let memory = try memory((0x1000, 0x1000), options: MappingOptions(isReadOnly: true))
        for address: UInt64 in [0, 0x1000, 0x2000, .max] {
            try memory.write([], address)
            #expect(try memory.read(0, address) == [])
            try memory.read(at: GuestAddress(address), into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
            try memory.write(at: GuestAddress(address), from: UnsafeRawBufferPointer(start: nil, count: 0))
            try memory.fill(1, at: GuestAddress(address), byteCount: 0)
            #expect(try memory.slice(at: GuestAddress(address), byteCount: 0).byteCount == 0)
        }
    }

    @Test("a write to a read-only region is refused, one that runs into it is cut there; reads work")
    func readOnly() throws {
        let memory = try GuestMemory(regions: [
            MemoryRegion.anonymous(range(0x1000, 0x1000)),
            MemoryRegion.anonymous(range(0x2000, 0x2000), options: MappingOptions(isReadOnly: true)),
        ])
        let rom = memory.regions[1]
        rom.hostAddress.storeBytes(of: 0x55, as: UInt8.self)
        let refused = GuestMemoryError.readOnly(GuestAddress(0x2000))
        #expect(throws: refused) { try memory.store(1 as UInt64, at: GuestAddress(0x2000)) }
        #expect(throws: GuestMemoryError.readOnly(GuestAddress(0x2001))) {
            try memory.store(1 as UInt64, at: GuestAddress(0x2001))
        }
        #expect(throws: refused) { try memory.storePlain(1 as UInt128, at: GuestAddress(0x2000)) }
        #expect(throws: refused) { try memory.write([1], 0x2000) }
        #expect(throws: refused) { try memory.fill(1, at: GuestAddress(0x2000), byteCount: 1) }
        #expect(throws: refused) { try memory.atomicStore(1 as UInt8, at: GuestAddress(0x2000), ordering: .relaxed) }
        #expect(throws: refused) { try memory.atomicOr(1 as UInt8, at: GuestAddress(0x2000)) }
        #expect(throws: refused) { try memory.write(pattern(16), 0x1ff8) }
        #expect(try memory.read(8, 0x1ff8) == pattern(8))
        #expect(try memory.writeSome(pattern(16), 0x1ff8) == 8)
        #expect(try memory.load(UInt8.self, at: GuestAddress(0x2000)) == 0x55)
        let slice = try memory.slice(at: GuestAddress(0x2000), byteCount: 16)
        #expect(throws: refused) { try slice.store(1 as UInt8, atByteOffset: 0) }
        #expect(throws: refused) { try slice.copy(from: UnsafeRawBufferPointer(start: nil, count: 0)) }
        #expect(throws: refused) { try slice.atomicExchange(1 as UInt8, atByteOffset: 0) }
        #expect(throws: GuestMemoryError.readOnly(GuestAddress(0x2004))) {
            try slice.subslice(atByteOffset: 4, byteCount: 4).storePlain(1 as UInt32, atByteOffset: 0)
        }
    }

    @Test("the last bytes of a region whose length is no multiple of 8 can be reached, and not one more")
    func oddLength() throws {
        let memory = try memory((0x1000, 0x1003))
        try memory.store(7 as UInt8, at: GuestAddress(0x2002))
        #expect(try memory.load(UInt8.self, at: GuestAddress(0x2002)) == 7)
        try memory.store(0x0102 as UInt16, at: GuestAddress(0x2000))
        #expect(try memory.load(UInt16.self, at: GuestAddress(0x2000)) == 0x0102)
        #expect(throws: GuestMemoryError.partial(GuestAddress(0x2002), expected: 2, completed: 1)) {
            try memory.load(UInt16.self, at: GuestAddress(0x2002))
        }
        #expect(throws: GuestMemoryError.partial(GuestAddress(0x2000), expected: 4, completed: 3)) {
            try memory.store(1 as UInt32, at: GuestAddress(0x2000))
        }
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x2003))) {
            try memory.load(UInt8.self, at: GuestAddress(0x2003))
        }
    }
}
