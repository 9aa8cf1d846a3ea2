// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

private struct Header: PlainBytes, Equatable {
    var kind: UInt32
    var reserved: UInt32
    var sector: UInt64
}

@Suite struct ReaderWriterTests {
    let driver: DriverQueue
    let queue: Queue
    let buffers = ChainBuffers()

    init() throws {
        driver = try DriverQueue(size: 64)
        queue = try driver.activate()
    }

    /// A chain whose readable bytes are cut as said, each piece away from the next.
    private func readable(_ bytes: [UInt8], cuts: [Int]) throws {
        var parts: [DriverQueue.Buffer] = []
        var rest = bytes[...]
        for cut in cuts {
            parts.append(try driver.buffer(of: Array(rest.prefix(cut))))
            _ = driver.allocate(16)
            rest = rest.dropFirst(cut)
        }
        parts.append(try driver.buffer(of: Array(rest)))
        try driver.send(parts)
        _ = try queue.pop(into: buffers)
    }

    private func writable(_ counts: [UInt32]) throws -> [DriverQueue.Buffer] {
        let parts = counts.map { count in
            let buffer = driver.buffer(room: count)
            _ = driver.allocate(16)
            return buffer
        }
        try driver.send(parts)
        _ = try queue.pop(into: buffers)
        return parts
    }

    @Test(
        "integers come out whole wherever the driver cut them",
        arguments: [[], [1], [1, 1, 1], [3], [4], [4, 1], [0, 2, 0, 2]])
    func integers(_ cuts: [Int]) throws {
        try readable([1, 2, 3, 4, 5, 6, 7], cuts: cuts)
        var reader = buffers.reader
        #expect(reader.remaining == 7)
        let word = reader.read(UInt32.self)
        #expect(word == 0x0403_0201)
        let tooMany = reader.read(UInt32.self)
        #expect(tooMany == nil)
        #expect(reader.remaining == 3 && reader.position == 4)
        let half = reader.read(UInt16.self)
        #expect(half == 0x0605)
        let byte = reader.read(UInt8.self)
        #expect(byte == 7)
        let none = reader.read(UInt8.self)
        #expect(none == nil)
    }

    @Test(
        "integers go in whole wherever the driver cut the room",
        arguments: [[7], [1, 1, 1, 4], [3, 4], [4, 3], [0, 2, 0, 5]] as [[UInt32]])
    func integersOut(_ counts: [UInt32]) throws {
        let parts = try writable(counts)
        var writer = buffers.writer
        #expect(writer.remaining == 7)
        writer.write(UInt32(0x0403_0201))
        let tooMany = writer.write(UInt32(9))
        #expect(!tooMany && writer.position == 4)
        writer.write(UInt16(0x0605))
        writer.write(UInt8(7))
        let none = writer.write(UInt8(8))
        #expect(!none && writer.remaining == 0)
        let found = try parts.flatMap { try driver.bytes(of: $0) }
        #expect(found == [1, 2, 3, 4, 5, 6, 7])
    }

    @Test("plain structs round-trip through pieces of one byte")
    func plain() throws {
        let parts = try writable(Array(repeating: 1, count: 16))
        let header = Header(kind: 1, reserved: 0, sector: 0x1122_3344_5566_7788)
        var writer = buffers.writer
        #expect(writer.writePlain(header) as Bool)
        queue.push(buffers, written: 16)
        try driver.send(parts.map { .init($0.address, $0.byteCount, isWritable: false) })
        _ = try queue.pop(into: buffers)
        var reader = buffers.reader
        let read = reader.readPlain(as: Header.self)
        #expect(read == header)
        let none = reader.readPlain(as: Header.self)
        #expect(none == nil)
    }

    @Test("a write-only chain has nothing to read, a read-only one no room")
    func directions() throws {
        _ = try writable([8])
        var reader = buffers.reader
        let none = reader.read(UInt8.self)
        #expect(none == nil && reader.remaining == 0)
        try readable([1], cuts: [])
        var writer = buffers.writer
        let done = writer.write(UInt8(1))
        #expect(!done && writer.remaining == 0)
    }

    @Test(
        "a split gives the front away and goes on behind it", arguments: [[], [2], [4], [1, 1, 1, 1, 1, 1]],
        [0, 1, 2, 4, 7, 8])
    func split(_ cuts: [Int], _ at: Int) throws {
        let bytes: [UInt8] = [0, 1, 2, 3, 4, 5, 6, 7]
        try readable(bytes, cuts: cuts)
        var rest = buffers.reader
        let tooLong = rest.split(9)
        #expect(tooLong == nil && rest.remaining == 8)
        var front = try #require(rest.split(UInt64(at)) as ChainReader?)
        #expect(front.remaining == UInt64(at) && rest.remaining == UInt64(8 - at))
        func drain(_ reader: inout ChainReader) -> [UInt8] {
            var all: [UInt8] = []
            while let byte = reader.read(UInt8.self) { all.append(byte) }
            return all
        }
        #expect(drain(&front) == Array(bytes.prefix(at)))
        #expect(drain(&rest) == Array(bytes.dropFirst(at)))
    }

    @Test("a writer's split keeps a status byte at the end apart from the data")
    func statusByte() throws {
        let parts = try writable([3, 5, 1])
        var data = buffers.writer
        var status = data
        let room = try #require(status.split(8) as ChainWriter?)
        data = room
        let zeros = data.writeZeros(100)
        #expect(zeros == 8 && data.remaining == 0)
        status.write(UInt8(0x55))
        #expect(try driver.bytes(of: parts[2]) == [0x55])
    }

    @Test("bytes are read and written as far as there are any, over all pieces")
    func bulk() throws {
        let bytes = (0..<200).map { UInt8($0) }
        try readable(bytes, cuts: [50, 1, 99])
        var reader = buffers.reader
        let skipped = reader.skip(10)
        #expect(skipped == 10)
        var copy = [UInt8](repeating: 0, count: 300)
        let count = copy.withUnsafeMutableBytes { reader.read(into: $0) }
        #expect(count == 190 && Array(copy.prefix(190)) == Array(bytes.dropFirst(10)))
        let none = reader.skip(1)
        #expect(none == 0)
        let parts = try writable([7, 100, 3])
        var writer = buffers.writer
        let written = bytes.withUnsafeBytes { writer.write($0) }
        #expect(written == 110 && writer.position == 110)
        #expect(try parts.flatMap { try driver.bytes(of: $0) } == Array(bytes.prefix(110)))
    }

    @Test("vectors show what is left, in place, cut where the position is")
    func vectors() throws {
        let parts = try writable([4, 6, 5])
        var writer = buffers.writer
        writer.skip(5)
        var data = try #require(writer.split(8) as ChainWriter?)
        var vectors = IOVecs()
        data.appendVectors(to: &vectors)
        #expect(vectors.byteCount == 8 && vectors.count == 2)
        #expect(vectors[0]?.count == 5 && vectors[1]?.count == 3)
        vectors[0]?.copyBytes(from: [1, 2, 3, 4, 5])
        vectors[1]?.copyBytes(from: [6, 7, 8])
        #expect(data.remaining == 8)
        data.skip(8)
        #expect(try parts.flatMap { try driver.bytes(of: $0) } == [0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0, 0])
    }

    @Test("a reader that outlives its chain reads nothing out of place")
    func stale() throws {
        try readable(Array(repeating: 7, count: 100), cuts: [50])
        var reader = buffers.reader
        reader.skip(60)
        buffers.removeAll()
        let value = reader.read(UInt8.self)
        #expect(value == nil || value == 0)
    }
}
