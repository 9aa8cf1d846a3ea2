// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

@Suite struct ChainBuffersTests {
    /// Two adjacent regions, a hole, a read-only region, and one at the top of what a guest can address.
    static func memory() throws -> GuestMemory {
        var readOnly = MappingOptions()
        readOnly.isReadOnly = true
        func range(_ start: UInt64, _ byteCount: UInt64) throws -> GuestRange {
            try #require(GuestRange(start: GuestAddress(start), byteCount: byteCount))
        }
        return try GuestMemory(regions: [
            .anonymous(range(0x1000, 0x4000)), .anonymous(range(0x5000, 0x1000)),
            .anonymous(range(0x8000, 0x1000), options: readOnly), .anonymous(range(0xffff_ffff_ffff_e000, 0x1000)),
        ])
    }

    struct Place: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let address: UInt64
        let byteCount: UInt32
        let isWritable: Bool
        /// The lengths of the pieces; nil if it is refused.
        let pieces: [Int]?

        init(_ description: String, _ address: UInt64, _ byteCount: UInt32, isWritable: Bool = true, _ pieces: [Int]?) {
            testDescription = description
            self.address = address
            self.byteCount = byteCount
            self.isWritable = isWritable
            self.pieces = pieces
        }
    }

    static let places = [
        Place("inside a region", 0x3000, 16, [16]),
        Place("up to the last byte of a region", 0x5ff0, 16, [16]),
        Place("over the border of two adjacent regions", 0x4ff0, 32, [16, 16]),
        Place("nothing, nowhere", 0x7000, 0, []),
        Place("one byte over the end of memory", 0x5ff0, 17, nil),
        Place("in a hole", 0x7000, 1, nil),
        Place("from a hole into a region", 0x7fff, 2, nil),
        Place("far outside", 0x4000_0000, 1, nil),
        Place("4 GiB less a byte", 0x3000, .max, nil),
        Place("wrapping around 64 bits", 0xffff_ffff_ffff_fff0, 32, nil),
        Place("from the last region beyond it", 0xffff_ffff_ffff_eff0, 17, nil),
        Place("in the last region", 0xffff_ffff_ffff_eff0, 16, [16]),
        Place("read-only memory, to read", 0x8000, 16, isWritable: false, [16]),
        Place("read-only memory, to write", 0x8000, 16, nil),
    ]

    @Test("a buffer is found in host memory as far as it is in the guest's", arguments: places)
    func translates(_ place: Place) throws {
        let driver = try DriverQueue(memory: Self.memory(), size: 8)
        let queue = try driver.activate()
        queue.malformedChainPolicy = .returnHead
        let buffer = DriverQueue.Buffer(GuestAddress(place.address), place.byteCount, isWritable: place.isWritable)
        try driver.send([buffer])
        let buffers = ChainBuffers()
        guard let pieces = place.pieces else {
            do {
                _ = try queue.pop(into: buffers)
                Issue.record("not refused")
            } catch {
                let cause = ChainError.unmappedBuffer(buffer.address, byteCount: place.byteCount)
                #expect(error == .chain(try #require(error.head), cause))
                #expect(queue.recover(from: error))
            }
            #expect(try driver.takeUsed()?.written == 0)
            return
        }
        #expect(try queue.pop(into: buffers) != nil)
        let expected = pieces.reduce(0, +)
        #expect(place.isWritable ? buffers.writableByteCount == expected : buffers.readableByteCount == expected)
        var found: [Int] = []
        for index in 0..<8 {
            let piece = place.isWritable ? buffers.writable[index] : buffers.readable[index]
            if let piece { found.append(piece.count) }
        }
        // Adjacent regions may happen to be adjacent in host memory too, and are one piece then.
        #expect(found == pieces || found == [expected])
    }

    @Test(
        "a buffer that begins in the region looked into last and ends behind it is refused", arguments: [true, false])
    func endOfRegion(_ isWritable: Bool) throws {
        let driver = try DriverQueue(size: 8, memoryByteCount: 0x4000)
        let queue = try driver.activate()
        let address = GuestAddress(0x1000 + 0x4000 - 16)
        let buffers = ChainBuffers()
        try driver.send([.init(address, 16, isWritable: isWritable)])
        let head = try #require(try queue.pop(into: buffers))
        queue.push(head, written: 0)
        try driver.send([.init(address, 17, isWritable: isWritable)])
        do throws(QueueError) {
            _ = try queue.pop(into: buffers)
            Issue.record("not refused")
        } catch {
            #expect(error == .chain(try #require(error.head), .unmappedBuffer(address, byteCount: 17)))
        }
        #expect(buffers.readableByteCount == 0 && buffers.writableByteCount == 0 && buffers.head == nil)
    }

    @Test("memory added later is found, and a guest of many regions too")
    func hotAdd() throws {
        let driver = try DriverQueue(size: 8)
        let queue = try driver.activate()
        let buffers = ChainBuffers()
        for index in 1...4 as ClosedRange<UInt64> {
            let start = GuestAddress(index << 32)
            try driver.memory.add(.anonymous(try #require(GuestRange(start: start, byteCount: 0x1000))))
        }
        for round in 0..<32 as Range<UInt64> {
            let place = GuestAddress((round * 7 % 5) << 32 | (round * 7 % 5 == 0 ? 0x8000 : 0))
            let bytes: [UInt8] = [UInt8(round), 1, 2, 3]
            try bytes.withUnsafeBufferPointer { try driver.memory.write(at: place, from: .init($0)) }
            try driver.send([.init(place, 4, isWritable: false)])
            #expect(try queue.pop(into: buffers) != nil)
            var reader = buffers.reader
            let value = reader.read(UInt32.self)
            #expect(value == 0x0302_0100 | UInt32(round))
            queue.push(buffers, written: 0)
            #expect(try driver.takeUsed() != nil)
        }
    }

    @Test("buffers hold nothing of the chain before")
    func reuse() throws {
        let driver = try DriverQueue(size: 8)
        let queue = try driver.activate()
        try driver.send([try driver.buffer(of: [1, 2, 3]), driver.buffer(room: 9)])
        try driver.send([driver.buffer(room: 2)])
        let buffers = ChainBuffers(capacity: 1)
        #expect(try queue.pop(into: buffers) != nil)
        #expect(buffers.readableByteCount == 3 && buffers.writableByteCount == 9)
        #expect(try queue.pop(into: buffers) != nil)
        #expect(buffers.readableByteCount == 0 && buffers.writableByteCount == 2)
        #expect(try queue.pop(into: buffers) == nil)
        #expect(buffers.writableByteCount == 0 && buffers.head == nil)
        queue.push(buffers, written: 0)
        #expect(try driver.usedIndex() == 0)
    }
}
