// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import Testing
import VMMemory

@Suite struct MemoryMapTests {
    static let gib: UInt64 = 1 << 30

    @Test("a PC has its first 640 KiB, a hole, and the rest from 1 MiB up")
    func small() throws {
        let map = try MemoryMap.pc(ramByteCount: 128 << 20)
        #expect(map.ramRanges == [try range(0, 128 << 20)])
        #expect(
            map.entries == [
                .init(range: try range(0, 0x9_fc00), kind: .ram),
                .init(range: try range(0x9_fc00, 0x6_0400), kind: .reserved),
                .init(range: try range(0x10_0000, 127 << 20), kind: .ram),
            ])
    }

    @Test(
        "memory jumps the gap below 4 GiB",
        arguments: [
            (3 * gib, [0, 3 * gib]),
            (3 * gib - 4096, [0, 3 * gib - 4096]),
            (3 * gib + 4096, [0, 3 * gib, 4 * gib, 4096]),
            (5 * gib, [0, 3 * gib, 4 * gib, 2 * gib]),
        ])
    func gap(ram: UInt64, expected: [UInt64]) throws {
        let map = try MemoryMap.pc(ramByteCount: ram)
        #expect(map.ramRanges.flatMap { [$0.start.rawValue, $0.byteCount] } == expected)
        #expect(map.ramRanges.reduce(0) { $0 + $1.byteCount } == ram)
    }

    @Test("several gaps in any order are jumped, also at the base and back to back")
    func gaps() throws {
        let map = try MemoryMap(
            ramByteCount: 0x6000, base: address(0x1000),
            gaps: [
                try range(0x8000, 0x1000), try range(0x1000, 0x1000), try range(0x4000, 0x2000),
                try range(0x6000, 0x1000),
            ])
        #expect(
            map.ramRanges == [try range(0x2000, 0x2000), try range(0x7000, 0x1000), try range(0x9000, 0x3000)])
    }

    @Test("sizes that cannot be are refused", arguments: [0, 1, 4095, 4097, 1 << 20, .max] as [UInt64])
    func sizes(ram: UInt64) {
        #expect(throws: BootPlanError.memorySize(ram)) { _ = try MemoryMap.pc(ramByteCount: ram) }
    }

    @Test("memory past the end of the address space and crooked gaps are refused")
    func ends() throws {
        #expect(throws: BootPlanError.memorySize(8192)) {
            _ = try MemoryMap(ramByteCount: 8192, base: address(0 &- 4096))
        }
        let crooked = try range(0x1001, 0x1000)
        #expect(throws: BootPlanError.memoryGap(crooked)) { _ = try MemoryMap(ramByteCount: 4096, gaps: [crooked]) }
    }

    @Test("a reservation cuts the lines it touches and may lie outside memory")
    func reserve() throws {
        var map = try MemoryMap(ramByteCount: 0x10000)
        try map.reserve(try range(0x4000, 0x1000), as: .acpi)
        try map.reserve(try range(0x4800, 0x1000), as: .acpiNVS)
        try map.reserve(try range(0xfee0_0000, 0x1000), as: .reserved)
        try map.reserve(try range(0x8000, 0), as: .reserved)
        #expect(
            map.entries == [
                .init(range: try range(0, 0x4000), kind: .ram),
                .init(range: try range(0x4000, 0x800), kind: .acpi),
                .init(range: try range(0x4800, 0x1000), kind: .acpiNVS),
                .init(range: try range(0x5800, 0xa800), kind: .ram),
                .init(range: try range(0xfee0_0000, 0x1000), kind: .reserved),
            ])
        #expect(map.ramRanges == [try range(0, 0x10000)])
    }

    @Test("more lines than the zero page holds are refused, and the map stays as it was")
    func tooMany() throws {
        var map = try MemoryMap(ramByteCount: 1 << 30)
        for index in 0..<63 as Range<UInt64> { try map.reserve(try range(0x10000 + index * 8192, 4096), as: .reserved) }
        try map.reserve(try range(1 << 40, 4096), as: .reserved)
        #expect(map.entries.count == 128)
        #expect(throws: BootPlanError.tooManyMemoryRanges(129, limit: 128)) {
            try map.reserve(try range(1 << 41, 4096), as: .reserved)
        }
        #expect(map.entries.count == 128)
    }

    @Test("a range is memory if lines of memory cover it without a hole")
    func isRAM() throws {
        let map = try MemoryMap.pc(ramByteCount: 5 << 30)
        #expect(map.isRAM(try range(0x10_0000, 0xbff0_0000)))
        #expect(!map.isRAM(try range(0x10_0000, 0xbff0_0001)))
        #expect(!map.isRAM(try range(0x9_fbff, 2)))
        #expect(map.isRAM(try range(0x1_0000_0000, 2 << 30)))
        #expect(!map.isRAM(try range(0xffff_ffff, 2)))
        #expect(map.isRAM(try range(0xffff_ffff, 0)))
    }

    @Test("the highest free place is below the limit, aligned, and clear of what is taken")
    func places() throws {
        let map = try MemoryMap.pc(ramByteCount: 16 << 20)
        let end = address(16 << 20)
        #expect(try map.highestPlace(byteCount: 1, below: end, avoiding: []) == range(0xff_f000, 1))
        #expect(try map.highestPlace(byteCount: 4097, below: end, avoiding: []) == range(0xff_e000, 4097))
        #expect(
            try map.highestPlace(byteCount: 4096, below: address(0x20_0fff), avoiding: []) == range(0x1f_f000, 4096))
        let taken = [try range(0xff_f000, 0x1000), try range(0xff_0000, 0xf000), try range(0x10_0000, 4096)]
        #expect(try map.highestPlace(byteCount: 4096, below: end, avoiding: taken) == range(0xfe_f000, 4096))
        // Below 1 MiB if nothing else is left, but never in the hole.
        let all = [try range(0x10_0000, 15 << 20)]
        #expect(try map.highestPlace(byteCount: 4096, below: end, avoiding: all) == range(0x9_e000, 4096))
        #expect(map.highestPlace(byteCount: 17 << 20, below: end, avoiding: []) == nil)
        #expect(map.highestPlace(byteCount: .max, below: end, avoiding: []) == nil)
        #expect(map.highestPlace(byteCount: 1, below: address(0), avoiding: []) == nil)
    }
}
