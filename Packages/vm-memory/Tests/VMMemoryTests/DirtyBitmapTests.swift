// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory

@Suite struct DirtyBitmapTests {
    private func dirtyPages(_ bitmap: DirtyBitmap) -> [UInt64] {
        (0..<bitmap.pageCount).filter { bitmap.isPageDirty($0) }
    }

    @Test("sizes round up to a page, and only powers of two are page sizes")
    func sizes() throws {
        #expect(try DirtyBitmap(byteCount: 4096).pageCount == 1)
        #expect(try DirtyBitmap(byteCount: 4097).pageCount == 2)
        #expect(try DirtyBitmap(byteCount: 1, pageByteCount: 1 << 21).pageCount == 1)
        #expect(try DirtyBitmap(byteCount: 0).pageCount == 0)
        #expect(try DirtyBitmap(byteCount: 130, pageByteCount: 1).wordCount == 3)
        for size: UInt64 in [0, 3, 4095, .max] {
            #expect(throws: GuestMemoryError.badPageSize(size)) { try DirtyBitmap(byteCount: 1, pageByteCount: size) }
        }
        #expect(throws: GuestMemoryError.badPageSize(12)) {
            try memory((0, 0x1000), options: MappingOptions(dirtyPageByteCount: 12))
        }
    }

    @Test(
        "a mark covers exactly the pages of its bytes",
        arguments: [
            (0, 1, [0]), (4095, 1, [0]), (4095, 2, [0, 1]), (4096, 4096, [1]), (0, 4097, [0, 1]), (8191, 4097, [1, 2]),
            (0, 0, []), (4096, 0, []),
        ] as [(UInt64, UInt64, [UInt64])])
    func mark(offset: UInt64, count: UInt64, pages: [UInt64]) throws {
        let bitmap = try DirtyBitmap(byteCount: 1 << 20)
        bitmap.mark(byteOffset: offset, byteCount: count)
        #expect(dirtyPages(bitmap) == pages)
        #expect(bitmap.dirtyPageCount == UInt64(pages.count))
        bitmap.clear(byteOffset: offset, byteCount: count)
        #expect(bitmap.dirtyPageCount == 0)
    }

    @Test("bytes past the end are ignored, and an end past 2^64 is the end")
    func pastTheEnd() throws {
        let bitmap = try DirtyBitmap(byteCount: 10 * 4096)
        bitmap.mark(byteOffset: 10 * 4096, byteCount: 1)
        bitmap.mark(byteOffset: .max, byteCount: .max)
        bitmap.mark(byteOffset: .max, byteCount: 1)
        #expect(bitmap.dirtyPageCount == 0)
        bitmap.mark(byteOffset: 9 * 4096, byteCount: .max)
        #expect(dirtyPages(bitmap) == [9])
        bitmap.mark(byteOffset: 4096, byteCount: .max)
        #expect(bitmap.dirtyPageCount == 9)
        bitmap.clear(byteOffset: 5 * 4096, byteCount: .max)
        #expect(dirtyPages(bitmap) == [1, 2, 3, 4])
        bitmap.clear(byteOffset: .max, byteCount: 1)
        bitmap.clear(byteOffset: 4096, byteCount: 0)
        #expect(bitmap.dirtyPageCount == 4)
        #expect(!bitmap.isPageDirty(10))
        #expect(!bitmap.isPageDirty(.max))
        #expect(!bitmap.isDirty(byteOffset: .max))
        #expect(bitmap.isDirty(byteOffset: 4097))
        let none = try DirtyBitmap(byteCount: 0)
        none.mark(byteOffset: 0, byteCount: 1)
        #expect(none.dirtyPageCount == 0)
    }

    @Test("ranges of every length within and across words are marked and cleared whole")
    func ranges() throws {
        let bitmap = try DirtyBitmap(byteCount: 300, pageByteCount: 1)
        for start in stride(from: UInt64(0), to: 200, by: 31) {
            for count in stride(from: UInt64(1), through: 100, by: 3) {
                bitmap.mark(byteOffset: start, byteCount: count)
                #expect(dirtyPages(bitmap) == Array(start..<(start + count)))
                bitmap.mark(byteOffset: 0, byteCount: 300)
                bitmap.clear(byteOffset: start, byteCount: count)
                #expect(bitmap.dirtyPageCount == 300 - count)
                #expect(!bitmap.isPageDirty(start) && !bitmap.isPageDirty(start + count - 1))
                bitmap.clearAll()
            }
        }
    }

    @Test("enlarging keeps the old marks")
    func enlarge() throws {
        let bitmap = try DirtyBitmap(byteCount: 70, pageByteCount: 1)
        bitmap.mark(byteOffset: 3, byteCount: 1)
        bitmap.mark(byteOffset: 69, byteCount: 1)
        let larger = try bitmap.enlarged(byAdding: 100)
        #expect(larger.pageCount == 170)
        #expect(dirtyPages(larger) == [3, 69])
        larger.mark(byteOffset: 169, byteCount: 1)
        #expect(dirtyPages(larger) == [3, 69, 169])
        #expect(throws: GuestMemoryError.overflow(base: 70, offset: .max)) { try bitmap.enlarged(byAdding: .max) }
    }
}

@Suite struct DirtyBitmapHarvestTests {
    @Test("a harvest takes the words and clears them")
    func words() throws {
        let bitmap = try DirtyBitmap(byteCount: 130, pageByteCount: 1)
        bitmap.mark(byteOffset: 0, byteCount: 1)
        bitmap.mark(byteOffset: 63, byteCount: 2)
        bitmap.mark(byteOffset: 129, byteCount: 1)
        var words = [UInt64](repeating: 0xff, count: 4)
        #expect(words.withUnsafeMutableBufferPointer { bitmap.harvest(into: $0) } == 3)
        #expect(words == [1 << 63 | 1, 1, 2, 0xff])
        #expect(bitmap.dirtyPageCount == 0)
        #expect(words.withUnsafeMutableBufferPointer { bitmap.harvest(into: $0) } == 3)
        #expect(words == [0, 0, 0, 0xff])
    }

    @Test("words without room stay marked, and marks join those of another log")
    func room() throws {
        let bitmap = try DirtyBitmap(byteCount: 130, pageByteCount: 1)
        bitmap.mark(byteOffset: 2, byteCount: 1)
        bitmap.mark(byteOffset: 64, byteCount: 1)
        var words: [UInt64] = [1]
        #expect(words.withUnsafeMutableBufferPointer { bitmap.harvest(joiningInto: $0) } == 1)
        #expect(words == [5])
        #expect(bitmap.isPageDirty(64))
        #expect(bitmap.harvest(into: UnsafeMutableBufferPointer(start: nil, count: 0)) == 0)
        #expect(bitmap.harvest(joiningInto: UnsafeMutableBufferPointer(start: nil, count: 0)) == 0)
    }

    @Test("runs of pages come in order, joined across words")
    func runs() throws {
        let bitmap = try DirtyBitmap(byteCount: 320, pageByteCount: 1)
        for (start, count) in [(1, 2), (60, 140), (255, 1), (256, 64)] as [(UInt64, UInt64)] {
            bitmap.mark(byteOffset: start, byteCount: count)
        }
        var runs: [String] = []
        bitmap.harvest { runs.append("\($0)+\($1)") }
        #expect(runs == ["1+2", "60+140", "255+65"])
        #expect(bitmap.dirtyPageCount == 0)
        bitmap.harvest { runs.append("\($0)+\($1)") }
        #expect(runs.count == 3)
        struct Stop: Error {}
        bitmap.mark(byteOffset: 0, byteCount: 1)
        #expect(throws: Stop.self) { try bitmap.harvest { (_, _) throws(Stop) in throw Stop() } }
    }

    @Test("the kernel's log is merged, and its bits past the end are ignored")
    func merge() throws {
        let bitmap = try DirtyBitmap(byteCount: 70, pageByteCount: 1)
        [UInt64.max, .max, .max].withUnsafeBufferPointer { bitmap.merge($0) }
        #expect(bitmap.dirtyPageCount == 70)
        bitmap.clearAll()
        [UInt64(6)].withUnsafeBufferPointer { bitmap.merge($0) }
        bitmap.merge(UnsafeBufferPointer(start: nil, count: 0))
        #expect(bitmap.isPageDirty(1) && bitmap.isPageDirty(2) && bitmap.dirtyPageCount == 2)
    }

    @Test("no write is lost between harvests that run beside it")
    func concurrent() throws {
        let memory = try memory((0, 0x1000), options: MappingOptions(dirtyPageByteCount: 4096))
        let bitmap = try #require(memory.regions[0].dirtyBitmap)
        let rounds: UInt64 = 20_000
        let writer = Worker {
            for round in 1...rounds { try? memory.store(round, at: GuestAddress(8)) }
            return true
        }
        // Each harvest copies the page if it is marked; the copy after the last write must be the last value.
        var copy: UInt64 = 0
        func harvest() throws {
            var words: [UInt64] = [0]
            _ = words.withUnsafeMutableBufferPointer { bitmap.harvest(into: $0) }
            if words[0] != 0 { copy = try memory.load(UInt64.self, at: GuestAddress(8)) }
        }
        while copy < rounds / 2 { try harvest() }
        #expect(writer.wait())
        try harvest()
        #expect(copy == rounds)
    }
}
