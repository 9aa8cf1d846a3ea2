// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil
import VMMemory
import VMMemoryTestSupport

@Suite struct DirtyTrackingTests {
    struct Record: PlainBytes {
        var one: UInt64
        var two: UInt32
        var three: UInt32
    }

    @Test("every write of guest memory marks exactly the pages it touched, and no read marks any")
    func guestMemory() throws {
        let memory = try memory((0x1_0000, 0x4000), options: MappingOptions(dirtyPageByteCount: 4096))
        let file = try temporaryFile(pattern(0x4000))
        let zero = FileDescriptor(owning: open("/dev/zero", O_RDWR))
        func at(_ offset: UInt64) -> GuestAddress { GuestAddress(0x1_0000 + offset) }
        let bytes = pattern(5000)
        var vectors = IOVecs()
        var check = try #require(DirtyTrackingCheck(memory.regions[0]))
        check.write("store UInt8", 1) { try memory.store(1 as UInt8, at: at($0)) }
        check.write("store UInt16", 2) { try memory.store(1 as UInt16, at: at($0)) }
        check.write("store UInt64", 8) { try memory.store(1 as UInt64, at: at($0)) }
        check.write("storePlain", 16) { try memory.storePlain(Record(one: 1, two: 2, three: 3), at: at($0)) }
        check.write("write", 5000) { try memory.write(bytes, 0x1_0000 + $0) }
        check.write("write of nothing", 0) { try memory.write([], 0x1_0000 + $0) }
        check.write("writeSome", 100) { _ = try memory.writeSome(pattern(100), 0x1_0000 + $0) }
        check.write("fill", 9000) { try memory.fill(7, at: at($0), byteCount: 9000) }
        check.write("atomicStore", 4, alignment: 4) {
            try memory.atomicStore(1 as UInt32, at: at($0), ordering: .releasing)
        }
        check.write("atomicExchange", 8, alignment: 8) { _ = try memory.atomicExchange(1 as UInt64, at: at($0)) }
        check.write("atomicCompareExchange", 2, alignment: 2) {
            _ = try memory.atomicCompareExchange(expected: 0 as UInt16, desired: 1, at: at($0))
        }
        check.write("atomicOr", 1) { try memory.atomicOr(1 as UInt8, at: at($0)) }
        check.write("atomicAnd", 4, alignment: 4) { try memory.atomicAnd(1 as UInt32, at: at($0)) }
        check.write("readFile", 6000) {
            try memory.readFile(file, fileOffset: 0, byteCount: 6000, to: at($0))
        }
        check.write("readExactly", 6000) {
            try memory.readExactly(zero, byteCount: 6000, to: at($0))
        }
        check.write("readSome", 6000) {
            _ = try memory.readSome(zero, byteCount: 6000, to: at($0))
        }
        check.write("markDirty", 4097) { memory.markDirty(try range(0x1_0000 + $0, 4097)) }

        check.read("load", 8) { _ = try memory.load(UInt64.self, at: at($0)) }
        check.read("loadPlain", 16) { _ = try memory.loadPlain(as: Record.self, at: at($0)) }
        check.read("read", 5000) { _ = try memory.read(5000, 0x1_0000 + $0) }
        check.read("atomicLoad", 8, alignment: 8) {
            _ = try memory.atomicLoad(UInt64.self, at: at($0), ordering: .acquiring)
        }
        check.read("writeFile", 100) {
            try memory.writeFile(zero, fileOffset: 0, byteCount: 100, from: at($0))
        }
        check.read("writeAll", 100) {
            try memory.writeAll(zero, byteCount: 100, from: at($0))
        }
        check.read("writeSome to a file", 100) {
            _ = try memory.writeSome(zero, byteCount: 100, from: at($0))
        }
        check.read("slice", 100) { _ = try memory.slice(at: at($0), byteCount: 100) }
        check.read("appendIOVecs", 100) {
            vectors.removeAll()
            try memory.appendIOVecs(of: range(0x1_0000 + $0, 100), to: &vectors)
        }
        #expect(check.failures == [])
    }

    @Test("every write of a slice, and of a part of one, marks exactly the pages it touched")
    func slices() throws {
        let memory = try memory((0x1_0000, 0x4000), options: MappingOptions(dirtyPageByteCount: 4096))
        let whole = try memory.slice(at: GuestAddress(0x1_0000), byteCount: 0x4000)
        let bytes = pattern(5000)
        let source = try memory.slice(at: GuestAddress(0x1_0000), byteCount: 300)
        var check = try #require(DirtyTrackingCheck(memory.regions[0]))
        check.write("store", 8) { try whole.store(1 as UInt64, atByteOffset: $0) }
        check.write("store in a part", 4) {
            try whole.subslice(atByteOffset: $0, byteCount: 4).store(1 as Int32, atByteOffset: 0)
        }
        check.write("storePlain", 16) { try whole.storePlain(Record(one: 1, two: 2, three: 3), atByteOffset: $0) }
        check.write("storeRelease", 2, alignment: 2) { try whole.storeRelease(1 as UInt16, atByteOffset: $0) }
        check.write("atomicStore", 8, alignment: 8) {
            try whole.atomicStore(1 as UInt64, atByteOffset: $0, ordering: .relaxed)
        }
        check.write("atomicExchange", 1) { _ = try whole.atomicExchange(1 as UInt8, atByteOffset: $0) }
        check.write("atomicCompareExchange", 4, alignment: 4) {
            _ = try whole.atomicCompareExchange(expected: 0 as UInt32, desired: 1, atByteOffset: $0)
        }
        check.write("atomicOr", 8, alignment: 8) { try whole.atomicOr(1 as UInt64, atByteOffset: $0) }
        check.write("atomicAnd", 8, alignment: 8) { try whole.atomicAnd(1 as UInt64, atByteOffset: $0) }
        check.write("copy in", 5000) { offset in
            try bytes.withUnsafeBytes { try whole.copy(from: $0, atByteOffset: offset) }
        }
        check.write("copy from a slice", 300) { try source.copy(to: whole.suffix(fromByteOffset: $0)) }
        check.write("markDirty", 10) { try whole.markDirty(atByteOffset: $0, byteCount: 10) }

        check.read("load", 8) { _ = try whole.load(UInt64.self, atByteOffset: $0) }
        check.read("loadPlain", 16) { _ = try whole.loadPlain(as: Record.self, atByteOffset: $0) }
        check.read("loadAcquire", 4, alignment: 4) { _ = try whole.loadAcquire(UInt32.self, atByteOffset: $0) }
        check.read("copy out", 5000) { offset in
            var buffer = [UInt8](repeating: 0, count: 5000)
            try buffer.withUnsafeMutableBytes { try whole.copy(into: $0, atByteOffset: offset) }
        }
        check.read("subslice", 10) { _ = try whole.subslice(atByteOffset: $0, byteCount: 10) }
        #expect(check.failures == [])
    }

    @Test("a write across regions marks both of those that track, and a failed access marks nothing")
    func regions() throws {
        let tracked = MappingOptions(dirtyPageByteCount: 4096)
        let memory = try GuestMemory(regions: [
            MemoryRegion.anonymous(range(0x1000, 0x2000), options: tracked),
            MemoryRegion.anonymous(range(0x3000, 0x1000)),
            MemoryRegion.anonymous(range(0x4000, 0x2000), options: MappingOptions(dirtyPageByteCount: 64)),
        ])
        let bitmaps = memory.regions.compactMap(\.dirtyBitmap)
        #expect(bitmaps.count == 2)
        try memory.write(pattern(0x1040), 0x2fe0)
        #expect(bitmaps.map(\.dirtyPageCount) == [1, 1])
        #expect(bitmaps[0].isPageDirty(1) && bitmaps[1].isPageDirty(0))
        for bitmap in bitmaps { bitmap.clearAll() }
        #expect(throws: GuestMemoryError.self) { try memory.store(1 as UInt64, at: GuestAddress(0x6000)) }
        #expect(throws: GuestMemoryError.self) { try memory.atomicOr(1 as UInt64, at: GuestAddress(0x1001)) }
        let slice = try memory.slice(at: GuestAddress(0x1000), byteCount: 16)
        #expect(throws: GuestMemoryError.self) { try slice.store(1 as UInt64, atByteOffset: 9) }
        #expect(bitmaps.map(\.dirtyPageCount) == [0, 0])
        memory.markDirty(try range(0, 0x10000))
        #expect(bitmaps.map(\.dirtyPageCount) == [0, 0])
        memory.markDirty(try range(0x1000, 0x10000))
        #expect(bitmaps.map(\.dirtyPageCount) == [2, 128])
    }
}
