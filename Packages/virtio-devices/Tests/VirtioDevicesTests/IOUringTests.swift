// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil
import VMMemory
import VirtioDevices

@Suite struct IOUringTests {
    /// Adds with the pieces of `buffers`, which must stay as it is until the end.
    private func add(
        _ operation: IOUring.Operation, at byteOffset: UInt64 = 0, _ buffers: Buffers = Buffers(), token: UInt64,
        to ring: IOUring
    ) -> Bool {
        ring.add(operation, at: byteOffset, buffers.pieces, token: token)
    }

    private final class Buffers {
        let room: Room
        var pieces = IOVecs()
        init(_ byteCount: Int = 0, filledWith byte: UInt8 = 0, pieceByteCount: Int = 512) {
            room = Room(byteCount, filledWith: byte)
            for start in stride(from: 0, to: byteCount, by: pieceByteCount) {
                room.append(to: &pieces, start..<min(start + pieceByteCount, byteCount))
            }
        }
    }

    private func complete(_ ring: IOUring) throws -> IOUring.Completion {
        try ring.submit()
        ring.wait()
        return try #require(ring.next())
    }

    @Test("what was written is read back, and a flush succeeds")
    func works() throws {
        let file = try FileDescriptor.temporaryFile()
        let ring = try IOUring(for: file, capacity: 4)
        for isStable in [false, true] {
            let (out, back) = (Buffers(1024, filledWith: 7), Buffers(1024))
            #expect(add(.write(isStable: isStable), at: 512, out, token: 1, to: ring))
            #expect(try complete(ring) == .init(token: 1, result: 1024))
            #expect(add(.synchronise, token: 2, to: ring))
            #expect(try complete(ring) == .init(token: 2, result: 0))
            #expect(add(.read, at: 512, back, token: .max, to: ring))
            #expect(try complete(ring) == .init(token: .max, result: 1024))
            #expect(back.room.bytes.allSatisfy { $0 == 7 })
        }
        #expect(try file.byteCount() == 1536)
    }

    /// An entry that the restriction must stop.
    struct Row: Sendable, CustomTestStringConvertible {
        var what: String
        var opcode: UInt8
        var isFixedFile = true
        var flags: UInt8 = 0
        var testDescription: String { what }
    }

    // Numbers of <linux/io_uring.h>: 22 and 23 are READ and WRITE.
    static let rows: [Row] =
        [0, 4, 5, 6, 9, 10, 11, 13, 14, 16, 17, 18, 19, 20, 21, 22, 23, 26, 28, 29, 30, 35, 45].map {
            Row(what: "opcode \($0)", opcode: $0)
        }
        + [1, 2, 3].map { Row(what: "opcode \($0) of a file that is not registered", opcode: $0, isFixedFile: false) }
        + [2, 4, 8, 16, 32].map { Row(what: "entry flag \($0)", opcode: 1, flags: $0) }

    @Test("the kernel refuses every other opcode, file and flag", arguments: rows)
    func restricted(row: Row) throws {
        let file = try FileDescriptor.temporaryFile()
        let ring = try IOUring(for: file, capacity: 4)
        let added = ring.addUnchecked(
            opcode: row.opcode, isFixedFile: row.isFixedFile, file: row.isFixedFile ? 0 : file.rawValue,
            flags: row.flags, token: 9)
        #expect(added)
        #expect(try complete(ring) == .init(token: 9, result: -EACCES))
        // What is allowed goes on.
        #expect(add(.synchronise, token: 10, to: ring))
        #expect(try complete(ring) == .init(token: 10, result: 0))
    }

    @Test("no second file can be reached or registered")
    func oneFile() throws {
        let ring = try IOUring(for: FileDescriptor.temporaryFile(), capacity: 4)
        #expect(throws: Errno.permissionDenied) { try ring.registerUnchecked(FileDescriptor.temporaryFile()) }
        #expect(ring.addUnchecked(opcode: 3, isFixedFile: true, file: 1, token: 0))
        #expect(try complete(ring).result == -EBADF)
    }

    @Test("completions come in the order in which things are done, and the eventfd tells of them")
    func order() throws {
        let fifo = try FIFO()
        let ring = try IOUring(for: fifo.open(), capacity: 4)
        let (target, source) = (Buffers(8), Buffers(4, filledWith: 3))
        #expect(add(.read, target, token: 1, to: ring))
        try ring.submit()
        #expect(ring.next() == nil && ring.inFlight == 1)
        #expect(try ring.event.read() == nil)
        #expect(add(.write(isStable: false), source, token: 2, to: ring))
        #expect(try complete(ring).token == 2)
        ring.wait()
        #expect(ring.next() == .init(token: 1, result: 4))
        #expect(try ring.event.read() != nil)
        #expect(ring.inFlight == 0)
    }

    @Test("no more than its capacity is in flight, round and round")
    func full() throws {
        let fifo = try FIFO()
        let ring = try IOUring(for: fifo.open(), capacity: 4)
        let buffers = (0..<4).map { _ in Buffers(1) }
        for round in 0..<5 {
            for token in 0..<4 { #expect(add(.read, buffers[token], token: UInt64(token), to: ring)) }
            try ring.submit()
            #expect(!add(.synchronise, token: 4, to: ring))
            try fifo.write([1, 2, 3, 4])
            var tokens: Set<UInt64> = []
            while ring.inFlight > 0 {
                ring.wait()
                while let completion = ring.next() { tokens.insert(completion.token) }
            }
            #expect(tokens == [0, 1, 2, 3], "round \(round)")
        }
    }

    @Test("what was not submitted can be taken back, the newest first")
    func withdraws() throws {
        let ring = try IOUring(for: FileDescriptor.temporaryFile(), capacity: 4)
        for token in 1...3 as ClosedRange<UInt64> { #expect(add(.synchronise, token: token, to: ring)) }
        #expect(ring.withdraw() == 3)
        #expect(ring.withdraw() == 2)
        #expect(try complete(ring).token == 1)
        #expect(ring.withdraw() == nil)
    }

    @Test("a capacity of nothing, or of too much, is refused", arguments: [-1, 0, 4097, .max])
    func sizes(_ capacity: Int) throws {
        let file = try FileDescriptor.temporaryFile()
        #expect(throws: IOUringError.badSize(capacity)) { try IOUring(for: file, capacity: capacity) }
    }

    @Test(
        "where io_uring is switched off the error says so, and the file is a disk without it",
        arguments: [Errno.notPermitted, .noSuchSystemCall, .noMemory])
    func fallsBack(_ error: Errno) throws {
        let file = try FileDescriptor.temporaryFile()
        try file.setByteCount(4096)
        let disk = try FileDisk(adopting: file, isReadOnly: false)
        let outcome = Outcome()
        let box = Unsent(disk)
        try Thread(name: "no-uring") {
            guard forbid(systemCall: 425, with: error.rawValue) else { return }
            do throws(IOUringError) { _ = try RingDisk(box.value) } catch { outcome.error = error }
            let disk: any Disk = (try? RingDisk(box.value)) ?? box.value
            outcome.isFile = disk is FileDisk
        }.join()
        #expect(outcome.error == .refused(.setUp, error))
        #expect(outcome.isFile)
        #expect("\(IOUringError.refused(.setUp, error))" == "io_uring: cannot make a ring: \(error)")
        // The thread alone was without.
        #expect((try? RingDisk(disk)) != nil)
    }

    private final class Outcome: @unchecked Sendable {
        var error: IOUringError?
        var isFile = false
    }
}
