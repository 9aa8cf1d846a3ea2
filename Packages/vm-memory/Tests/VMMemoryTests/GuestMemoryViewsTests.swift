// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory

@Suite struct GuestMemoryViewsTests {
    @Test("a slice across the end of a region is refused, even where the next region adjoins")
    func sliceCrossing() throws {
        let memory = try memory((0x1000, 0x1000), (0x2000, 0x1000))
        let slice = try memory.slice(at: GuestAddress(0x1800), byteCount: 0x800)
        #expect(slice.byteCount == 0x800)
        #expect(slice.guestAddress == GuestAddress(0x1800))
        #expect(slice.hostAddress == memory.regions[0].hostAddress + 0x800)
        #expect(throws: GuestMemoryError.crossesRegion(GuestAddress(0x1800), byteCount: 0x801)) {
            try memory.slice(at: GuestAddress(0x1800), byteCount: 0x801)
        }
        #expect(throws: GuestMemoryError.crossesRegion(GuestAddress(0x1800), byteCount: .max)) {
            try memory.slice(at: GuestAddress(0x1800), byteCount: .max)
        }
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x3000))) {
            try memory.slice(at: GuestAddress(0x3000), byteCount: 1)
        }
    }

    @Test("slices of a range come in order, then one error at the first address that is not mapped")
    func slices() throws {
        let memory = try memory((0x1000, 0x1000), (0x2000, 0x1000), (0x4000, 0x1000))
        var seen: [String] = []
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x3000))) {
            try memory.forEachSlice(of: range(0x1800, 0x3000)) { seen.append("\($0.guestAddress) \($0.byteCount)") }
        }
        #expect(seen == ["0x1800 2048", "0x2000 4096"])
        seen = []
        try memory.forEachSlice(of: range(0x3000, 0)) { _ in seen.append("?") }
        #expect(seen == [])
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x3000))) {
            try memory.forEachSlice(of: range(0x3000, 1)) { _ in seen.append("?") }
        }
        #expect(seen == [])
    }

    @Test("host views are split at region borders, and nothing is appended if a byte is not mapped")
    func vectors() throws {
        let memory = try memory((0x1000, 0x1000), (0x2000, 0x1000), (0x4000, 0x1000))
        var vectors = IOVecs(capacity: 1)
        try memory.appendIOVecs(of: range(0x1010, 0x10), to: &vectors)
        try memory.appendIOVecs(of: range(0x1ff0, 0x20), to: &vectors)
        #expect(vectors.count == 3)
        #expect(vectors.byteCount == 0x30)
        #expect(vectors[0]?.baseAddress == memory.regions[0].hostAddress + 0x10)
        #expect(vectors[1]?.baseAddress == memory.regions[0].hostAddress + 0xff0)
        #expect(vectors[1]?.count == 0x10)
        #expect(vectors[2]?.baseAddress == memory.regions[1].hostAddress)
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x3000))) {
            try memory.appendIOVecs(of: range(0x2ff0, 0x20), to: &vectors)
        }
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x3000))) {
            try memory.appendIOVecs(of: range(0x3000, 1), to: &vectors)
        }
        try memory.appendIOVecs(of: range(0x3000, 0), to: &vectors)
        #expect(vectors.count == 3)
    }

    @Test("views for writing refuse read-only regions")
    func readOnlyVectors() throws {
        let memory = try GuestMemory(regions: [
            MemoryRegion.anonymous(range(0x1000, 0x1000)),
            MemoryRegion.anonymous(range(0x2000, 0x1000), options: MappingOptions(isReadOnly: true)),
        ])
        var vectors = IOVecs()
        #expect(throws: GuestMemoryError.readOnly(GuestAddress(0x2000))) {
            try memory.appendIOVecs(of: range(0x1ff0, 0x20), to: &vectors, forWriting: true)
        }
        #expect(throws: GuestMemoryError.readOnly(GuestAddress(0x2010))) {
            try memory.appendIOVecs(of: range(0x2010, 0x20), to: &vectors, forWriting: true)
        }
        #expect(vectors.count == 0)
        try memory.appendIOVecs(of: range(0x1ff0, 0x20), to: &vectors)
        #expect(vectors.count == 2)
    }
}
