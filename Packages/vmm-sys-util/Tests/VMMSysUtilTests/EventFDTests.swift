// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil

@Suite struct EventFDTests {
    @Test("a read takes the sum of all writes and leaves zero")
    func readTakesTheSum() throws {
        let event = try EventFD()
        try event.write(3)
        try event.write(4)
        #expect(try event.read() == 7)
        #expect(try event.read() == nil)
    }

    @Test("a counter that would pass its limit answers wouldBlock and keeps its count")
    func limit() throws {
        let event = try EventFD()
        try event.write(.max - 1)
        #expect(throws: Errno.wouldBlock) { try event.write(1) }
        #expect(try event.read() == .max - 1)
    }

    @Test("2^64 - 1 cannot be added")
    func maximum() throws {
        let event = try EventFD()
        #expect(throws: Errno.invalidArgument) { try event.write(.max) }
    }

    @Test("a duplicate is the same counter")
    func duplicates() throws {
        let event = try EventFD()
        let other = try event.duplicate()
        try event.write(5)
        #expect(try other.read() == 5)
        #expect(try event.read() == nil)
    }

    @Test("a blocking read waits for the write of another thread")
    func blocking() throws {
        let event = try EventFD(isNonBlocking: false)
        let number = try event.descriptor.duplicate().release()
        let thread = try Thread(name: "writer") { try? EventFD(adopting: FileDescriptor(owning: number)).write(2) }
        #expect(try event.read() == 2)
        try thread.join()
    }
}
