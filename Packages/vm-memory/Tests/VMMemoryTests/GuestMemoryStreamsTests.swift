// SPDX-License-Identifier: Apache-2.0
import Glibc
import Synchronization
import Testing
import VMMSysUtil
import VMMemory

@Suite struct GuestMemoryStreamsTests {
    @Test("a pipe's bytes go to guest memory and back, in parts and exactly")
    func pipes() throws {
        let memory = try memory((0x1000, 0x1000), (0x2000, 0x1000))
        let pipe = try Pipe()
        try memory.write(pattern(0x800), 0x1c00)
        #expect(try memory.writeSome(pipe.writer, byteCount: 0x800, from: GuestAddress(0x1c00)) == 0x800)
        #expect(try memory.readSome(pipe.reader, byteCount: 0x400, to: GuestAddress(0x1e00)) == 0x400)
        #expect(try memory.read(0x400, 0x1e00) == Array(pattern(0x800)[..<0x400]))
        #expect(try memory.readSome(pipe.reader, byteCount: 0x1000, to: GuestAddress(0x1e00)) == 0x400)
        #expect(try memory.read(0x400, 0x1e00) == Array(pattern(0x800)[0x400...]))
        try memory.writeAll(pipe.writer, byteCount: 0x800, from: GuestAddress(0x1c00))
        try memory.readExactly(pipe.reader, byteCount: 0x800, to: GuestAddress(0x1100))
    }

    @Test("the end of a stream is 0 bytes in the partial form and an error in the exact one")
    func endOfStream() throws {
        let memory = try memory((0x1000, 0x1000))
        var numbers: [Int32] = [-1, -1]
        try #require(pipe(&numbers) == 0)
        let reader = FileDescriptor(owning: numbers[0])
        #expect(write(numbers[1], "abc", 3) == 3)
        close(numbers[1])
        #expect(throws: GuestMemoryError.endOfFile(GuestAddress(0x1000), expected: 10, completed: 3)) {
            try memory.readExactly(reader, byteCount: 10, to: GuestAddress(0x1000))
        }
        #expect(try memory.read(3, 0x1000) == Array("abc".utf8))
        #expect(try memory.readSome(reader, byteCount: 10, to: GuestAddress(0x1000)) == 0)
    }

    @Test("a message of a socket arrives whole across regions, and a partial form stops at a hole")
    func messages() throws {
        let memory = try memory((0x1000, 0x1000), (0x2000, 0x1000))
        var numbers: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_DGRAM.rawValue), 0, &numbers) == 0)
        let one = FileDescriptor(owning: numbers[0])
        let two = FileDescriptor(owning: numbers[1])
        try memory.write(pattern(0x100), 0x1f80)
        #expect(try memory.writeSome(one, byteCount: 0x100, from: GuestAddress(0x1f80)) == 0x100)
        #expect(try memory.readSome(two, byteCount: 0x100, to: GuestAddress(0x1fc0)) == 0x100)
        #expect(try memory.read(0x100, 0x1fc0) == pattern(0x100))
        #expect(try memory.writeSome(one, byteCount: 0x100, from: GuestAddress(0x2ff0)) == 0x10)
        #expect(try memory.readSome(two, byteCount: 0x100, to: GuestAddress(0x2ff8)) == 8)
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(0x3000))) {
            try memory.readSome(two, byteCount: 1, to: GuestAddress(0x3000))
        }
        #expect(throws: GuestMemoryError.unmapped(GuestAddress(.max))) {
            try memory.writeSome(two, byteCount: .max, from: GuestAddress(.max))
        }
    }

    @Test("a non-blocking descriptor with nothing to read is EAGAIN and marks nothing")
    func wouldBlock() throws {
        let memory = try memory((0x1000, 0x1000), options: MappingOptions(dirtyPageByteCount: 4096))
        let pipe = try Pipe()
        #expect(fcntl(pipe.reader.rawValue, F_SETFL, O_NONBLOCK) == 0)
        #expect(
            throws: GuestMemoryError.system(
                .read, GuestAddress(0x1000), byteCount: 8, completed: 0, .wouldBlock)
        ) {
            try memory.readSome(pipe.reader, byteCount: 8, to: GuestAddress(0x1000))
        }
        #expect(memory.regions[0].dirtyBitmap?.dirtyPageCount == 0)
    }

    @Test("a call that a signal interrupts is repeated, in the partial and in the exact form")
    func interrupted() throws {
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { _ in }
        #expect(sigaction(SIGUSR1, &action, nil) == 0)
        for exact in [false, true] {
            let memory = try memory((0x1000, 0x1000))
            let pipe = try Pipe()
            let number = pipe.reader.rawValue
            let isDone = Done()
            let worker = Worker {
                let reader = FileDescriptor(owning: dup(number))
                defer { isDone.flag.store(true, ordering: .releasing) }
                do {
                    if exact {
                        try memory.readExactly(reader, byteCount: 6, to: GuestAddress(0x1000))
                    } else {
                        _ = try memory.readSome(reader, byteCount: 6, to: GuestAddress(0x1000))
                    }
                    return true
                } catch {
                    return false
                }
            }
            for _ in 0..<20 {
                usleep(1000)
                pthread_kill(worker.thread, SIGUSR1)
            }
            #expect(!isDone.isSet)
            #expect(write(pipe.writer.rawValue, "abcdef", 6) == 6)
            #expect(worker.wait())
            #expect(try memory.read(6, 0x1000) == Array("abcdef".utf8))
        }
    }

    private final class Done: Sendable {
        let flag = Atomic<Bool>(false)
        var isSet: Bool { flag.load(ordering: .acquiring) }
    }
}
