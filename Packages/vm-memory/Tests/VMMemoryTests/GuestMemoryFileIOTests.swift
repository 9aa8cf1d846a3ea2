// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil
import VMMemory

@Suite struct GuestMemoryFileIOTests {
    @Test("a part of a file goes to guest memory and back, across adjacent regions")
    func roundTrip() throws {
        let memory = try memory((0x1000, 0x1000), (0x2000, 0x1000))
        let file = try temporaryFile(pattern(0x4000))
        try memory.readFile(file, fileOffset: 0x123, byteCount: 0x1000, to: GuestAddress(0x1800))
        #expect(try memory.read(0x1000, 0x1800) == Array(pattern(0x4000)[0x123..<0x1123]))
        #expect(try memory.read(1, 0x17ff) == [0])
        #expect(try memory.read(1, 0x2800) == [0])
        let other = try temporaryFile()
        try memory.writeFile(other, fileOffset: 5, byteCount: 0x1000, from: GuestAddress(0x1800))
        #expect(contents(other) == [0, 0, 0, 0, 0] + pattern(0x4000)[0x123..<0x1123])
    }

    @Test("a file that ends early is an error with both counts, and what came is there")
    func endOfFile() throws {
        let memory = try memory((0x1000, 0x1000))
        let file = try temporaryFile(pattern(100))
        #expect(throws: GuestMemoryError.endOfFile(GuestAddress(0x1000), expected: 64, completed: 36)) {
            try memory.readFile(file, fileOffset: 64, byteCount: 64, to: GuestAddress(0x1000))
        }
        #expect(try memory.read(36, 0x1000) == Array(pattern(100)[64...]))
        #expect(throws: GuestMemoryError.endOfFile(GuestAddress(0x1000), expected: 1, completed: 0)) {
            try memory.readFile(file, fileOffset: 100, byteCount: 1, to: GuestAddress(0x1000))
        }
    }

    @Test("guest memory that ends early is an error with both counts; none at all is unmapped")
    func holes() throws {
        let memory = try memory((0x1000, 0x1000))
        let file = try temporaryFile(pattern(0x2000))
        #expect(throws: GuestMemoryError.partial(GuestAddress(0x1ff0), expected: 32, completed: 16)) {
            try memory.readFile(file, fileOffset: 0, byteCount: 32, to: GuestAddress(0x1ff0))
        }
        #expect(throws: GuestMemoryError.partial(GuestAddress(0x1ff0), expected: .max, completed: 16)) {
            try memory.writeFile(file, fileOffset: 0, byteCount: .max, from: GuestAddress(0x1ff0))
        }
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x2000))) {
            try memory.readFile(file, fileOffset: 0, byteCount: 1, to: GuestAddress(0x2000))
        }
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x2000))) {
            try memory.writeAll(file, byteCount: 1, from: GuestAddress(0x2000))
        }
    }

    @Test("a read into a read-only region is refused before the file is asked")
    func readOnly() throws {
        let memory = try memory((0x1000, 0x1000), options: MappingOptions(isReadOnly: true))
        let file = try temporaryFile(pattern(16))
        #expect(throws: GuestMemoryError.readOnly(GuestAddress(0x1000))) {
            try memory.readFile(file, fileOffset: 0, byteCount: 1, to: GuestAddress(0x1000))
        }
        #expect(throws: GuestMemoryError.readOnly(GuestAddress(0x1000))) {
            try memory.readSome(file, byteCount: 1, to: GuestAddress(0x1000))
        }
        try memory.writeFile(file, fileOffset: 0, byteCount: 1, from: GuestAddress(0x1000))
    }

    @Test("a failing call names itself, the address, both counts and the cause, and counts as a write of the whole")
    func failure() throws {
        let options = MappingOptions(dirtyPageByteCount: 4096)
        let memory = try memory((0x1000, 0x4000), options: options)
        let bitmap = try #require(memory.regions[0].dirtyBitmap)
        let pipe = try Pipe()
        #expect(
            throws: GuestMemoryError.system(
                .readAtOffset, GuestAddress(0x1000), byteCount: 0x2000, completed: 0, Errno(rawValue: ESPIPE))
        ) {
            try memory.readFile(pipe.reader, fileOffset: 0, byteCount: 0x2000, to: GuestAddress(0x1000))
        }
        #expect(bitmap.dirtyPageCount == 2)
        bitmap.clearAll()
        #expect(
            throws: GuestMemoryError.system(
                .write, GuestAddress(0x1000), byteCount: 1, completed: 0, .badFileDescriptor)
        ) {
            try memory.writeAll(pipe.reader, byteCount: 1, from: GuestAddress(0x1000))
        }
        #expect(
            throws: GuestMemoryError.system(
                .readAtOffset, GuestAddress(0x1000), byteCount: 1, completed: 0, .invalidArgument)
        ) {
            try memory.readFile(pipe.reader, fileOffset: .max, byteCount: 1, to: GuestAddress(0x1000))
        }
    }

    @Test("zero bytes ask neither file nor memory")
    func empty() throws {
        let memory = try memory((0x1000, 0x1000))
        let closed = FileDescriptor(owning: -1)
        let address = GuestAddress(0x9000)
        try memory.readFile(closed, fileOffset: .max, byteCount: 0, to: address)
        try memory.writeFile(closed, fileOffset: .max, byteCount: 0, from: address)
        try memory.readExactly(closed, byteCount: 0, to: address)
        try memory.writeAll(closed, byteCount: 0, from: address)
        #expect(try memory.readSome(closed, byteCount: 0, to: address) == 0)
        #expect(try memory.writeSome(closed, byteCount: 0, from: address) == 0)
        _ = closed.release()
    }

    @Test("a full device's error is passed on; a file that takes no bytes without one is an error with both counts")
    func writeZero() throws {
        let memory = try memory((0x1000, 0x1000))
        let full = FileDescriptor(owning: open("/dev/full", O_RDWR))
        #expect(
            throws: GuestMemoryError.system(
                .write, GuestAddress(0x1000), byteCount: 16, completed: 0, .noSpace)
        ) {
            try memory.writeAll(full, byteCount: 16, from: GuestAddress(0x1000))
        }
        #expect(throws: GuestMemoryError.writeZero(GuestAddress(0x1000), expected: 16, completed: 10)) {
            try memory.transfer(.write, 16, GuestAddress(0x1000), isWrite: false) { (_, length, done) in
                GuestMemory.Transferred(done == 0 ? 10 : 0)
            }
        }
    }

    @Test("short and interrupted calls go on where they stopped; a failure after some bytes says how many")
    func shortCalls() throws {
        let memory = try memory((0x1000, 0x1000), (0x2000, 0x1000), options: MappingOptions(dirtyPageByteCount: 64))
        var calls: [String] = []
        try memory.transfer(.read, 0x40, GuestAddress(0x1fe0), isWrite: true) { (_, length, done) in
            calls.append("\(done)+\(length)")
            return calls.count % 2 == 1 ? .init(failed: .interrupted) : .init(min(length, 0x18))
        }
        #expect(calls == ["0+32", "0+32", "24+8", "24+8", "32+32", "32+32", "56+8", "56+8"])
        #expect(memory.regions.map { $0.dirtyBitmap?.dirtyPageCount } == [1, 1])
        let failure = GuestMemoryError.system(
            .read, GuestAddress(0x1f80), byteCount: 0x100, completed: 3, .inputOutput)
        #expect(throws: failure) {
            try memory.transfer(.read, 0x100, GuestAddress(0x1f80), isWrite: true) { (_, _, done) in
                done == 0 ? .init(3) : .init(failed: .inputOutput)
            }
        }
        // The failing call was for the rest of the region.
        #expect(memory.regions.map { $0.dirtyBitmap?.dirtyPageCount } == [2, 1])
    }
}
