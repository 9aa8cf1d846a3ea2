// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil
import VMMemory

@Suite struct MemoryRegionTests {
    @Test("a shared region's file shows what the guest wrote, and cannot be shortened")
    func shared() throws {
        let region = try MemoryRegion.anonymous(range(0x1000, 0x2000), options: MappingOptions(isShared: true))
        let memory = try GuestMemory(regions: [region])
        try memory.store(0x1234 as UInt16, at: GuestAddress(0x2000))
        #expect(region.isShared)
        let found = region.withFile { file in (ftruncate(file.rawValue, 0), errno, fcntl(file.rawValue, F_GETFD)) }
        let (shortened, cause, flags) = try #require(found)
        #expect(shortened == -1)
        #expect(cause == EPERM)
        #expect(flags & FD_CLOEXEC != 0)
        let bytes = try #require(region.withFile { file in contents(file) })
        #expect(bytes.count == 0x2000)
        #expect(bytes[0x1000...0x1001] == [0x34, 0x12])
        // A second mapping of the same file shares the bytes with the first.
        let place = try range(0x8000, 0x1000)
        let twin = try region.withFile { file in
            try MemoryRegion.file(place, file, fileOffset: 0x1000, sharing: .shared)
        }
        #expect(try #require(twin).hostAddress.load(as: UInt16.self) == 0x1234)
        #expect(try MemoryRegion.anonymous(range(0, 0x1000)).withFile { _ in true } == nil)
    }

    @Test("writes to a shared file reach it; writes to a private copy stay here, and untouched pages show the file")
    func files() throws {
        let file = try temporaryFile(pattern(0x3000))
        let shared = try MemoryRegion.file(range(0x1000, 0x2000), file, fileOffset: 0x1000, sharing: .shared)
        let copy = try MemoryRegion.file(range(0x8000, 0x3000), file, sharing: .privateCopyOnWrite)
        let memory = try GuestMemory(regions: [shared, copy])
        #expect(try memory.read(0x2000, 0x1000) == Array(pattern(0x3000)[0x1000...]))
        try memory.write([1, 2, 3], 0x1000)
        #expect(contents(file)[0x1000..<0x1003] == [1, 2, 3])
        #expect(try memory.read(3, 0x9000) == [1, 2, 3])
        try memory.write([9, 9, 9], 0x8000)
        #expect(contents(file)[0..<3] == pattern(3)[...])
        #expect(try memory.read(3, 0x8000) == [9, 9, 9])
        #expect(shared.isShared && !copy.isShared)
        #expect(shared.fileOffset == 0x1000)
    }

    @Test("a read-only file is mapped without write permission")
    func readOnlyFile() throws {
        let writable = try temporaryFile(pattern(0x1000))
        let number = open("/proc/self/fd/\(writable.rawValue)", O_RDONLY)
        let file = FileDescriptor(owning: number)
        let options = MappingOptions(isReadOnly: true)
        let region = try MemoryRegion.file(range(0x1000, 0x1000), file, sharing: .shared, options: options)
        let memory = try GuestMemory(regions: [region])
        #expect(try memory.read(16, 0x1000) == pattern(16))
        #expect(throws: GuestMemoryError.readOnly(GuestAddress(0x1000))) { try memory.write([1], 0x1000) }
        #expect(
            throws: GuestMemoryError.system(
                .map, GuestAddress(0x1000), byteCount: 0x1000, completed: 0, .permissionDenied)
        ) {
            try MemoryRegion.file(range(0x1000, 0x1000), file, sharing: .shared)
        }
    }

    @Test("a length of 0, an offset off a page or at the end of the numbers, and a short file are refused")
    func badFiles() throws {
        let file = try temporaryFile(pattern(0x2000))
        #expect(throws: GuestMemoryError.emptyRegion(GuestAddress(0))) {
            try MemoryRegion.file(range(0, 0), file, sharing: .shared)
        }
        #expect(throws: GuestMemoryError.emptyRegion(GuestAddress(0))) { try MemoryRegion.shared(range(0, 0)) }
        #expect(throws: GuestMemoryError.misalignedMapping(0x800, pageByteCount: 4096)) {
            try MemoryRegion.file(range(0, 0x1000), file, fileOffset: 0x800, sharing: .shared)
        }
        #expect(throws: GuestMemoryError.fileTooShort(fileByteCount: 0x2000, fileOffset: .max, byteCount: 0x1000)) {
            try MemoryRegion.file(range(0, 0x1000), file, fileOffset: .max, sharing: .shared)
        }
        #expect(throws: GuestMemoryError.fileTooShort(fileByteCount: 0x2000, fileOffset: 0x1000, byteCount: 0x1001)) {
            try MemoryRegion.file(range(0, 0x1001), file, fileOffset: 0x1000, sharing: .privateCopyOnWrite)
        }
        let zero = FileDescriptor(owning: open("/dev/zero", O_RDWR))
        let top = ~UInt64(0xfff)
        #expect(
            throws: GuestMemoryError.system(.map, GuestAddress(0), byteCount: 0x1000, completed: 0, .invalidArgument)
        ) {
            try MemoryRegion.file(range(0, 0x1000), zero, fileOffset: top, sharing: .shared)
        }
        #expect(try MemoryRegion.file(range(0, 0x1000), zero, sharing: .privateCopyOnWrite).fileOffset == 0)
        let closed = FileDescriptor(owning: -1)
        #expect(
            throws: GuestMemoryError.system(.status, GuestAddress(0), byteCount: 8, completed: 0, .badFileDescriptor)
        ) {
            try MemoryRegion.file(range(0, 8), closed, sharing: .shared)
        }
        _ = closed.release()
    }

    @Test("a length that no address space holds is an error, not a trap")
    func tooLong() throws {
        for byteCount in [.max, 1 << 63, (1 << 63) - 1, 1 << 60] as [UInt64] {
            #expect(throws: GuestMemoryError.self) { try MemoryRegion.anonymous(range(0, byteCount)) }
            #expect(throws: GuestMemoryError.self) { try MemoryRegion.shared(range(0, byteCount)) }
        }
    }

    @Test("memory of someone else must start at a page border, and is not unmapped")
    func adopting() throws {
        let bytes = try #require(UnsafeMutableRawPointer(aligned_alloc(4096, 8192)))
        defer { free(bytes) }
        bytes.initializeMemory(as: UInt8.self, repeating: 3, count: 8192)
        let address = UInt64(UInt(bitPattern: bytes)) + 8
        #expect(throws: GuestMemoryError.misalignedMapping(address, pageByteCount: 4096)) {
            try MemoryRegion.adopting(range(0, 0x1000), hostAddress: bytes + 8)
        }
        var memory: GuestMemory? = try GuestMemory(regions: [
            MemoryRegion.adopting(range(0x1000, 0x2000), hostAddress: bytes)
        ])
        #expect(try memory?.load(UInt8.self, at: GuestAddress(0x2fff)) == 3)
        try memory?.store(4 as UInt8, at: GuestAddress(0x1000))
        memory = nil
        #expect(bytes.load(as: UInt8.self) == 4)
    }

    @Test("two regions share file bytes if they map the same file and their parts of it overlap")
    func sharing() throws {
        let one = try temporaryFile(pattern(0x4000))
        let two = try temporaryFile(pattern(0x4000))
        let first = try MemoryRegion.file(range(0, 0x2000), one, sharing: .shared)
        let inside = try MemoryRegion.file(range(0x8000, 0x1000), one, fileOffset: 0x1000, sharing: .shared)
        let behind = try MemoryRegion.file(range(0x8000, 0x1000), one, fileOffset: 0x2000, sharing: .shared)
        let other = try MemoryRegion.file(range(0x8000, 0x1000), two, sharing: .shared)
        let plain = try MemoryRegion.anonymous(range(0, 0x1000))
        #expect(first.sharesFileBytes(with: inside) && inside.sharesFileBytes(with: first))
        #expect(!first.sharesFileBytes(with: behind) && !behind.sharesFileBytes(with: first))
        #expect(!first.sharesFileBytes(with: other))
        #expect(!first.sharesFileBytes(with: plain) && !plain.sharesFileBytes(with: first))
        #expect(first.sharesFileBytes(with: first))
    }

    @Test("huge pages come from the pool, or their lack is an error at once")
    func hugePages() throws {
        for isShared in [false, true] {
            let options = MappingOptions(isShared: isShared, pages: .huge2MiB)
            do {
                let region = try MemoryRegion.anonymous(range(0, 3 << 20), options: options)
                #expect(region.hugePageByteCount == 2 << 20)
                let memory = try GuestMemory(regions: [region])
                try memory.fill(1, at: GuestAddress(0), byteCount: 3 << 20)
                #expect(throws: GuestMemoryError.unmapped(GuestAddress(3 << 20))) { try memory.write([1], 3 << 20) }
            } catch GuestMemoryError.system(let operation, _, _, _, let errno) {
                // A kernel without huge pages refuses the memfd; an empty pool refuses the mapping.
                #expect(operation == .map || operation == .createMemory)
                #expect([.noMemory, .invalidArgument, .noSuchFile].contains(errno))
            }
        }
        #expect(try MemoryRegion.anonymous(range(0, 0x1000)).hugePageByteCount == nil)
    }

    @Test("prefaulted memory is resident at once, other memory when touched")
    func prefault() throws {
        let lazy = try MemoryRegion.anonymous(range(0, 64 << 10))
        #expect(residentPages(lazy) == 0)
        lazy.hostAddress.storeBytes(of: 1, toByteOffset: 4096, as: UInt8.self)
        #expect(residentPages(lazy) == 1)
        for prefault in [MappingOptions.Prefault.populate, .populateWrite] {
            for isShared in [false, true] {
                let options = MappingOptions(isShared: isShared, prefault: prefault)
                #expect(residentPages(try MemoryRegion.anonymous(range(0, 64 << 10), options: options)) == 16)
            }
        }
    }

    @Test("every other option maps memory that works")
    func options() throws {
        var options = MappingOptions(pages: .transparentHuge)
        options.isDumped = false
        options.isInherited = false
        options.isReserved = true
        options.isLocked = true
        let memory = try memory((0, 0x4000), options: options)
        try memory.store(1 as UInt64, at: GuestAddress(0x3ff8))
        #expect(residentPages(memory.regions[0]) == 4)
        options = MappingOptions()
        options.isMergeable = true
        // A kernel without same-page merging refuses it.
        do {
            let region = try MemoryRegion.anonymous(range(0, 0x1000), options: options)
            try region.advise(.unmergeable)
        } catch GuestMemoryError.system(.advise, _, _, _, let errno) {
            #expect(errno == .invalidArgument)
        }
    }

    @Test("memory that is not needed reads as zero again, the rest stays; advice outside the region is refused")
    func advice() throws {
        let region = try MemoryRegion.anonymous(range(0x1000, 0x4000), options: MappingOptions(prefault: .populate))
        let memory = try GuestMemory(regions: [region])
        try memory.fill(5, at: GuestAddress(0x1000), byteCount: 0x4000)
        try region.advise(.dontNeed, byteOffset: 0x1000, byteCount: 0x1000)
        #expect(try memory.load(UInt8.self, at: GuestAddress(0x1fff)) == 5)
        #expect(try memory.load(UInt8.self, at: GuestAddress(0x2000)) == 0)
        #expect(try memory.load(UInt8.self, at: GuestAddress(0x3000)) == 5)
        for advice in [MemoryAdvice.willNeed, .dontDump, .cold, .populateRead, .populateWrite, .free] {
            try region.advise(advice)
        }
        // A kernel without transparent huge pages refuses these two.
        let refused = GuestMemoryError.system(
            .advise, GuestAddress(0x1000), byteCount: 0x4000, completed: 0, .invalidArgument)
        for advice in [MemoryAdvice.hugePage, .noHugePage] {
            do throws(GuestMemoryError) {
                try region.advise(advice)
            } catch {
                #expect(error == refused)
            }
        }
        #expect(throws: GuestMemoryError.outOfBounds(offset: 0x1000, byteCount: 0x3001, sliceByteCount: 0x4000)) {
            try region.advise(.dontNeed, byteOffset: 0x1000, byteCount: 0x3001)
        }
        #expect(throws: GuestMemoryError.outOfBounds(offset: 1, byteCount: .max, sliceByteCount: 0x4000)) {
            try region.advise(.dontNeed, byteOffset: 1, byteCount: .max)
        }
        #expect(
            throws: GuestMemoryError.system(.advise, GuestAddress(0x1008), byteCount: 8, completed: 0, .invalidArgument)
        ) {
            try region.advise(.dontNeed, byteOffset: 8, byteCount: 8)
        }
    }

    @Test("removing gives a shared region's blocks back")
    func remove() throws {
        let region = try MemoryRegion.shared(range(0, 0x4000), options: MappingOptions(prefault: .populateWrite))
        let memory = try GuestMemory(regions: [region])
        try memory.fill(5, at: GuestAddress(0), byteCount: 0x4000)
        try region.advise(.remove, byteOffset: 0x1000, byteCount: 0x2000)
        let blocks = region.withFile { (file) -> Int in
            var status = stat()
            fstat(file.rawValue, &status)
            return Int(status.st_blocks)
        }
        #expect(blocks == 2 * 4096 / 512)
        #expect(try memory.read(3, 0xfff) == [5, 0, 0])
        #expect(try memory.load(UInt8.self, at: GuestAddress(0x3000)) == 5)
    }

    private func residentPages(_ region: MemoryRegion) -> Int {
        let count = Int(region.range.byteCount / 4096)
        var pages = [UInt8](repeating: 0, count: count)
        guard mincore(region.hostAddress, count * 4096, &pages) == 0 else { return -1 }
        return pages.count { $0 & 1 != 0 }
    }

    @Test(
        "host and guest addresses of large regions agree within 2 MiB, so that a huge page is one for both",
        arguments: [0, 0x1000, 0x20_0000, 0x1_0000_0000, 0x1_0012_3000] as [UInt64])
    func hugePagesAreAlike(start: UInt64) throws {
        let range = try #require(GuestRange(start: GuestAddress(start), byteCount: 5 << 20))
        for region in [try MemoryRegion.anonymous(range), try MemoryRegion.shared(range)] {
            #expect((UInt64(UInt(bitPattern: region.hostAddress)) ^ start) & 0x1F_FFFF == 0)
        }
    }
}
