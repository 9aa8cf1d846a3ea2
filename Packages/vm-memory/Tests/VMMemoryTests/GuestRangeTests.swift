// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory

@Suite struct GuestRangeTests {
    @Test("a range may not end at 2^64")
    func end() {
        #expect(GuestRange(start: GuestAddress(.max), byteCount: 1) == nil)
        #expect(GuestRange(start: GuestAddress(0), byteCount: .max) != nil)
        #expect(GuestRange(start: GuestAddress(1), byteCount: .max) == nil)
        #expect(GuestRange(start: GuestAddress(.max), byteCount: 0) != nil)
        #expect(GuestRange(start: GuestAddress(2), end: GuestAddress(1)) == nil)
    }

    @Test("the start belongs to it, the end does not")
    func contains() throws {
        let middle = try range(0x1000, 0x1000)
        #expect(middle.contains(GuestAddress(0x1000)))
        #expect(middle.contains(GuestAddress(0x1fff)))
        #expect(!middle.contains(GuestAddress(0x2000)))
        #expect(!middle.contains(GuestAddress(0xfff)))
        #expect(middle.contains(try range(0x1000, 0x1000)))
        #expect(!middle.contains(try range(0x1000, 0x1001)))
        #expect(middle.contains(try range(0x2000, 0)))
        #expect(try !range(0x1000, 0).contains(GuestAddress(0x1000)))
    }

    @Test("adjoining ranges do not overlap, and an empty one overlaps nothing")
    func overlaps() throws {
        let middle = try range(0x1000, 0x1000)
        #expect(try !middle.overlaps(range(0, 0x1000)))
        #expect(try !middle.overlaps(range(0x2000, 0x1000)))
        #expect(try middle.overlaps(range(0x1fff, 1)))
        #expect(middle.overlaps(middle))
        #expect(try !middle.overlaps(range(0x1800, 0)))
        #expect(try middle.intersection(range(0x1800, 0x1000)) == range(0x1800, 0x800))
        #expect(try middle.intersection(range(0x2000, 1)) == nil)
    }

    @Test("it splits at any address from its start to its end")
    func split() throws {
        let middle = try range(0x1000, 0x1000)
        let (low, high) = try #require(middle.split(at: GuestAddress(0x1800)))
        #expect(try low == range(0x1000, 0x800))
        #expect(try high == range(0x1800, 0x800))
        #expect(middle.split(at: GuestAddress(0x2000))?.1.isEmpty == true)
        #expect(middle.split(at: GuestAddress(0x2001)) == nil)
        #expect("\(middle)" == "0x1000..<0x2000")
    }
}
