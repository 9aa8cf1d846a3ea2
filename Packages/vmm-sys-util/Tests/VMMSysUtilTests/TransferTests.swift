// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil

@Suite struct TransferTests {
    @Test("reading a whole buffer goes on over partial reads")
    func readAll() throws {
        let pipe = try Pipe()
        let into = try pipe.writeEnd.duplicate().release()
        let writer = try Thread(name: "writer") {
            let into = FileDescriptor(owning: into)
            for byte in UInt8(0)..<10 {
                usleep(1_000)
                try? into.writeAll([byte])
            }
        }
        var buffer = [UInt8](repeating: 0xFF, count: 10)
        try buffer.withUnsafeMutableBytes { try pipe.readEnd.readAll(into: $0) }
        #expect(buffer == Array(0..<10))
        try writer.join()
    }

    @Test("the end of the file in the middle says how much came")
    func endOfFile() throws {
        let file = try FileDescriptor.temporaryFile()
        try file.writeAll([1, 2, 3])
        var buffer = [UInt8](repeating: 0, count: 4)
        #expect(throws: TransferError.endOfFile(transferred: 3)) {
            try buffer.withUnsafeMutableBytes { try file.readAll(into: $0, atOffset: 0) }
        }
        #expect(buffer == [1, 2, 3, 0])
    }

    @Test("an error in the middle says how much went")
    func failure() throws {
        let pipe = try Pipe(isNonBlocking: true)
        let bytes = [UInt8](repeating: 7, count: 1 << 20)
        #expect(throws: TransferError.failed(.wouldBlock, transferred: 65_536)) { try pipe.writeEnd.writeAll(bytes) }
    }

    @Test("transfers at an offset leave the position alone and may leave holes")
    func offsets() throws {
        let file = try FileDescriptor.temporaryFile()
        let bytes: [UInt8] = [5, 6]
        try bytes.withUnsafeBytes { try file.writeAll(from: $0, atOffset: 10) }
        #expect(try file.byteCount() == 12)
        #expect(try file.bytes(4, atOffset: 9) == [0, 5, 6])
        #expect(try bytes.withUnsafeBytes { try file.write(from: $0, atOffset: 0) } == 2)
        #expect(try file.bytes(2) == [5, 6])
    }

    @Test("an offset past 2^63 - 1 is refused", arguments: [UInt64(1) << 63, .max, .max - 1])
    func hugeOffset(_ offset: UInt64) throws {
        let file = try FileDescriptor.temporaryFile()
        let bytes: [UInt8] = [1, 2]
        var buffer = bytes
        #expect(throws: Errno.invalidArgument) { try file.bytes(1, atOffset: offset) }
        #expect(throws: Errno.invalidArgument) {
            try bytes.withUnsafeBytes { try file.write(from: $0, atOffset: offset) }
        }
        #expect(throws: TransferError.failed(.invalidArgument, transferred: 0)) {
            try bytes.withUnsafeBytes { try file.writeAll(from: $0, atOffset: offset) }
        }
        #expect(throws: TransferError.failed(.invalidArgument, transferred: 0)) {
            try buffer.withUnsafeMutableBytes { try file.readAll(into: $0, atOffset: offset) }
        }
    }

    @Test("an empty buffer transfers nothing and does not fail")
    func empty() throws {
        let file = try FileDescriptor.temporaryFile()
        try file.writeAll([])
        try file.readAll(into: UnsafeMutableRawBufferPointer(start: nil, count: 0))
        try file.writeAll(from: UnsafeRawBufferPointer(start: nil, count: 0), atOffset: 5)
        #expect(try file.byteCount() == 0)
    }

    @Test("errors read as one line")
    func descriptions() {
        #expect("\(TransferError.endOfFile(transferred: 3))" == "end of file after 3 bytes")
        #expect(
            "\(TransferError.failed(.inputOutput, transferred: 0))"
                == "transfer failed after 0 bytes: Input/output error (EIO)")
    }
}
