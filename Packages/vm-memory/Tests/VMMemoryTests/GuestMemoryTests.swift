// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil
import VMMemory

@Suite struct GuestMemoryTests {
    @Test("no regions, unsorted, overlapping and twice the same region are errors of their own")
    func construction() throws {
        #expect(throws: GuestMemoryError.noRegions) { try GuestMemory(regions: []) }
        #expect(throws: GuestMemoryError.noRegions) { try GuestMemory.anonymous([]) }
        let (low, high) = (try range(0x1000, 0x1000), try range(0x2000, 0x1000))
        #expect(throws: GuestMemoryError.unsortedRegions(low.start)) { try GuestMemory.anonymous([high, low]) }
        let wide = try range(0x1000, 0x1001)
        #expect(throws: GuestMemoryError.overlappingRegions(wide, high)) { try GuestMemory.anonymous([wide, high]) }
        #expect(throws: GuestMemoryError.overlappingRegions(low, low)) { try GuestMemory.anonymous([low, low]) }
        #expect(try GuestMemory.anonymous([low, high]).regions.map(\.range) == [low, high])
    }

    @Test("an empty region and one that starts off a multiple of 8 are refused")
    func badRegions() throws {
        #expect(throws: GuestMemoryError.emptyRegion(GuestAddress(0x1000))) { try memory((0x1000, 0)) }
        #expect(throws: GuestMemoryError.misalignedRegion(GuestAddress(0x1004))) { try memory((0x1004, 0x1000)) }
    }

    @Test("a region that reaches 2^64 cannot be made, and one below it does not run on into address 0")
    func top() throws {
        let top: UInt64 = 0xffff_ffff_ffff_f000
        #expect(GuestRange(start: GuestAddress(top), byteCount: 0x1000) == nil)
        let memory = try memory((0, 0x1000), (top, 0xff8))
        try memory.store(1 as UInt64, at: GuestAddress(top + 0xff0))
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(.max))) {
            try memory.load(UInt8.self, at: GuestAddress(.max))
        }
        #expect(throws: GuestMemoryError.partial(GuestAddress(top + 0xff0), expected: 32, completed: 8)) {
            try memory.read(32, top + 0xff0)
        }
        #expect(throws: GuestMemoryError.partial(GuestAddress(top + 0xff4), expected: 8, completed: 4)) {
            try memory.load(UInt64.self, at: GuestAddress(top + 0xff4))
        }
        #expect(!memory.contains(GuestAddress(top), byteCount: 0x1000))
        #expect(!memory.contains(GuestAddress(top), byteCount: .max))
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(top + 0xff8))) {
            try memory.load(UInt64.self, at: GuestAddress(top + 0xff8))
        }
    }

    @Test("an address in a hole has no region; the last byte of a region has one")
    func find() throws {
        let memory = try memory((0x1000, 0x1000), (0x2000, 0x1000), (0x4000, 0x1000))
        #expect(memory.region(containing: GuestAddress(0xfff)) == nil)
        #expect(memory.region(containing: GuestAddress(0x1fff))?.range.start == GuestAddress(0x1000))
        #expect(memory.region(containing: GuestAddress(0x2000))?.range.start == GuestAddress(0x2000))
        #expect(memory.region(containing: GuestAddress(0x3000)) == nil)
        #expect(memory.region(containing: GuestAddress(0x3fff)) == nil)
        #expect(memory.region(containing: GuestAddress(0x4fff))?.range.start == GuestAddress(0x4000))
        #expect(memory.region(containing: GuestAddress(0x5000)) == nil)
        #expect(memory.end == GuestAddress(0x5000))
        #expect(memory.byteCount == 0x3000)
        // The same through the table that accesses use, at every border.
        for address: UInt64 in [0xfff, 0x3000, 0x3fff, 0x5000, 0, .max] {
            #expect(throws: GuestMemoryError.unmapped(GuestAddress(address))) {
                try memory.load(UInt8.self, at: GuestAddress(address))
            }
        }
        for address: UInt64 in [0x1000, 0x1fff, 0x2000, 0x2fff, 0x4000, 0x4fff] {
            #expect(try memory.load(UInt8.self, at: GuestAddress(address)) == 0)
        }
    }

    @Test("a range is contained if every byte is mapped; an empty one always, the longest never")
    func contains() throws {
        let memory = try memory((0x1000, 0x1000), (0x2000, 0x1000), (0x4000, 0x1000))
        #expect(try memory.contains(range(0x1000, 0x2000)))
        #expect(try !memory.contains(range(0x1000, 0x2001)))
        #expect(try !memory.contains(range(0xfff, 2)))
        #expect(try !memory.contains(range(0x2fff, 0x1002)))
        #expect(try memory.contains(range(0x9000, 0)))
        #expect(memory.contains(GuestAddress(0x9000), byteCount: 0))
        #expect(!memory.contains(GuestAddress(0x1000), byteCount: .max))
        #expect(try !memory.contains(range(0, .max)))
    }

    @Test("a region that is added is sorted in and seen by all holders")
    func hotAdd() throws {
        let memory = try memory((0x1000, 0x1000), (0x8000, 0x1000))
        let holder = memory
        try memory.add(MemoryRegion.anonymous(range(0x4000, 0x1000)))
        try memory.add(MemoryRegion.anonymous(range(0, 0x1000)))
        try memory.add(MemoryRegion.anonymous(range(0x9000, 0x1000)))
        #expect(holder.regions.map(\.range.start.rawValue) == [0, 0x1000, 0x4000, 0x8000, 0x9000])
        try memory.store(7 as UInt32, at: GuestAddress(0x4ffc))
        #expect(try holder.load(UInt32.self, at: GuestAddress(0x4ffc)) == 7)
        try memory.write(pattern(0x1000), 0x8800)
        #expect(try holder.read(0x1000, 0x8800) == pattern(0x1000))
    }

    @Test("adding a region that overlaps fails and changes nothing")
    func hotAddOverlap() throws {
        let memory = try memory((0x1000, 0x1000))
        for (start, byteCount) in [(0x1000, 0x1000), (0x800, 0x801), (0x1ff8, 8), (0, 0x10000)] as [(UInt64, UInt64)] {
            let added = try range(start, byteCount)
            #expect(throws: GuestMemoryError.overlappingRegions(memory.regions[0].range, added)) {
                try memory.add(MemoryRegion.anonymous(added))
            }
        }
        #expect(memory.regions.count == 1)
    }

    @Test("readers on other threads go on while regions are added")
    func concurrentHotAdd() throws {
        let memory = try memory((0, 0x1000))
        try memory.store(42 as UInt64, at: GuestAddress(0x8))
        let added = try (1...64).map { try range(UInt64($0) * 0x10000, 0x1000) }
        let reader = Worker {
            var seen = 0
            while seen < added.count {
                seen = 0
                for range in added where memory.contains(range) {
                    _ = try? memory.load(UInt64.self, at: range.start)
                    seen += 1
                }
                guard (try? memory.load(UInt64.self, at: GuestAddress(8))) == 42 else { return false }
            }
            return true
        }
        for range in added { try memory.add(MemoryRegion.anonymous(range)) }
        #expect(reader.wait())
    }

    @Test("adding to and removing from a copy leaves the source as it was; removal needs start and length")
    func copies() throws {
        let source = try memory((0x1000, 0x1000), (0x4000, 0x1000))
        let more = try source.adding(MemoryRegion.anonymous(range(0x2000, 0x1000)))
        #expect(source.regions.count == 2)
        #expect(more.regions.count == 3)
        try more.store(9 as UInt8, at: GuestAddress(0x4000))
        #expect(try source.load(UInt8.self, at: GuestAddress(0x4000)) == 9)

        for wrong in [try range(0x4000, 0xfff), try range(0x4008, 0x1000), try range(0x3000, 0x1000)] {
            #expect(throws: GuestMemoryError.noSuchRegion(wrong)) { try source.removing(wrong) }
        }
        let fewer = try source.removing(range(0x4000, 0x1000))
        #expect(fewer.regions.map(\.range.start.rawValue) == [0x1000])
        #expect(source.regions.count == 2)
        #expect(throws: GuestMemoryError.noRegions) { try fewer.removing(range(0x1000, 0x1000)) }
    }

    @Test("a snapshot of the regions stays as it was, and keeps them mapped after the memory is gone")
    func snapshot() throws {
        var memory: GuestMemory? = try memory((0x1000, 0x1000))
        let snapshot = try #require(memory).regions
        let again = snapshot
        try memory?.add(MemoryRegion.anonymous(range(0x4000, 0x1000)))
        #expect(snapshot.count == 1)
        #expect(again[0] === snapshot[0])
        try memory?.store(5 as UInt8, at: GuestAddress(0x1000))
        memory = nil
        #expect(snapshot[0].hostAddress.load(as: UInt8.self) == 5)
    }

    @Test("a mapping goes when its last holder goes")
    func unmapping() throws {
        let name = "vmm-unmap-test-\(getpid())"
        var region: MemoryRegion? = try MemoryRegion.shared(range(0x1000, 0x1000), name: name)
        var memory: GuestMemory? = try GuestMemory(regions: [try #require(region)])
        var other: GuestMemory? = try memory?.adding(MemoryRegion.anonymous(range(0x4000, 0x1000)))
        #expect(try isMapped(name))
        region = nil
        memory = nil
        #expect(try isMapped(name))
        _ = other?.regions
        other = nil
        #expect(try !isMapped(name))
    }
}
