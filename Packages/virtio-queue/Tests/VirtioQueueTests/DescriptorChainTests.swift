// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

@Suite struct DescriptorChainTests {
    /// A chain that a driver wrote by hand, and what the walk says of it.
    struct Shape: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Lengths of the descriptors that come out; then the error, if any.
        let lengths: [UInt32]
        let error: ChainError?
        let features: VirtioFeatures
        let build: @Sendable (DriverQueue) throws -> Void

        init(
            _ description: String, _ lengths: [UInt32], _ error: ChainError? = nil,
            features: VirtioFeatures = [.version1, .indirectDescriptors],
            _ build: @escaping @Sendable (DriverQueue) throws -> Void
        ) {
            testDescription = description
            self.lengths = lengths
            self.error = error
            self.features = features
            self.build = build
        }
    }

    static let next: UInt16 = 1
    static let write: UInt16 = 2
    static let indirect: UInt16 = 4
    static let at = GuestAddress(0x8000)
    static let table = GuestAddress(0x9000)
    static let outside = GuestAddress(0x4000_0000)

    static func entry(_ driver: DriverQueue, _ index: UInt64, _ byteCount: UInt32, flags: UInt16, next: UInt16 = 0)
        throws
    {
        try driver.setTableEntry(
            GuestAddress(table.rawValue + 16 * index), .init(at, byteCount, isWritable: false), flags: flags, next: next
        )
    }

    static let shapes: [Shape] = [
        Shape("one descriptor", [5]) { try $0.setDescriptor(0, at, byteCount: 5, flags: 0) },
        Shape("flags the specification does not know are ignored", [5]) {
            try $0.setDescriptor(0, at, byteCount: 5, flags: 0xfff8)
        },
        Shape("next without the flag is ignored", [5]) {
            try $0.setDescriptor(0, at, byteCount: 5, flags: 0, next: 999)
        },
        Shape("three in any order of indices", [1, 2, 3]) {
            try $0.setDescriptor(0, at, byteCount: 1, flags: next, next: 7)
            try $0.setDescriptor(7, at, byteCount: 2, flags: next, next: 3)
            try $0.setDescriptor(3, at, byteCount: 3, flags: write)
        },
        Shape("empty buffers are buffers", [0, 0]) {
            try $0.setDescriptor(0, outside, byteCount: 0, flags: next, next: 1)
            try $0.setDescriptor(1, at, byteCount: 0, flags: write)
        },
        Shape("next right past the table", [], .nextOutOfRange(next: 8, count: 8)) {
            try $0.setDescriptor(0, at, byteCount: 5, flags: next, next: 8)
        },
        Shape("next far past the table, of the second", [5], .nextOutOfRange(next: 65535, count: 8)) {
            try $0.setDescriptor(0, at, byteCount: 5, flags: next, next: 1)
            try $0.setDescriptor(1, at, byteCount: 6, flags: next, next: 65535)
        },
        Shape("a chain as long as the queue", [1, 1, 1, 1, 1, 1, 1, 1]) {
            for index in 0..<8 as Range<UInt16> {
                try $0.setDescriptor(index, at, byteCount: 1, flags: index < 7 ? next : 0, next: index + 1)
            }
        },
        Shape("a loop over all descriptors", [1, 1, 1, 1, 1, 1, 1, 1], .tooLong(limit: 8)) {
            for index in 0..<8 as Range<UInt16> {
                try $0.setDescriptor(index, at, byteCount: 1, flags: next, next: (index + 1) % 8)
            }
        },
        Shape("a descriptor that points to itself", [9, 9, 9, 9, 9, 9, 9, 9], .tooLong(limit: 8)) {
            try $0.setDescriptor(0, at, byteCount: 9, flags: next, next: 0)
        },
        Shape("a loop of descriptors of 4 GiB", [.max], .tooManyBytes) {
            try $0.setDescriptor(0, at, byteCount: .max, flags: next, next: 0)
        },
        Shape("4 GiB less a byte in two", [.max - 1, 1]) {
            try $0.setDescriptor(0, at, byteCount: .max - 1, flags: next, next: 1)
            try $0.setDescriptor(1, at, byteCount: 1, flags: 0)
        },
        Shape("4 GiB in two", [.max], .tooManyBytes) {
            try $0.setDescriptor(0, at, byteCount: .max, flags: next, next: 1)
            try $0.setDescriptor(1, at, byteCount: 1, flags: 0)
        },
        Shape("readable after writable", [1], .readableAfterWritable) {
            try $0.setDescriptor(0, at, byteCount: 1, flags: next | write, next: 1)
            try $0.setDescriptor(1, at, byteCount: 1, flags: 0)
        },
        Shape("a table of three", [1, 2, 3]) {
            try $0.setDescriptor(0, table, byteCount: 48, flags: indirect)
            try entry($0, 0, 1, flags: next, next: 2)
            try entry($0, 2, 2, flags: next, next: 1)
            try entry($0, 1, 3, flags: write)
        },
        Shape("the WRITE flag of the reference to a table is ignored", [1]) {
            try $0.setDescriptor(0, table, byteCount: 16, flags: indirect | write)
            try entry($0, 0, 1, flags: 0)
        },
        Shape("NEXT beside INDIRECT is ignored, what follows is not seen", [1]) {
            try $0.setDescriptor(0, table, byteCount: 16, flags: indirect | next, next: 1)
            try $0.setDescriptor(1, at, byteCount: 77, flags: 0)
            try entry($0, 0, 1, flags: 0)
        },
        Shape("a table after direct descriptors", [7, 1]) {
            try $0.setDescriptor(0, at, byteCount: 7, flags: next, next: 1)
            try $0.setDescriptor(1, table, byteCount: 16, flags: indirect)
            try entry($0, 0, 1, flags: write)
        },
        Shape("readable in a table after writable before it", [7], .readableAfterWritable) {
            try $0.setDescriptor(0, at, byteCount: 7, flags: next | write, next: 1)
            try $0.setDescriptor(1, table, byteCount: 16, flags: indirect)
            try entry($0, 0, 1, flags: 0)
        },
        Shape("a table in a table", [1], .nestedIndirect) {
            try $0.setDescriptor(0, table, byteCount: 32, flags: indirect)
            try entry($0, 0, 1, flags: next, next: 1)
            try entry($0, 1, 16, flags: indirect)
        },
        Shape("a table that is not negotiated", [], .indirectNotNegotiated, features: .version1) {
            try $0.setDescriptor(0, table, byteCount: 16, flags: indirect)
        },
        Shape("a table of no bytes", [], .indirectLength(0)) {
            try $0.setDescriptor(0, table, byteCount: 0, flags: indirect)
        },
        Shape("a table of 15 bytes", [], .indirectLength(15)) {
            try $0.setDescriptor(0, table, byteCount: 15, flags: indirect)
        },
        Shape("a table of 17 bytes", [], .indirectLength(17)) {
            try $0.setDescriptor(0, table, byteCount: 17, flags: indirect)
        },
        Shape("a table as large as the queue", Array(repeating: 1, count: 8)) {
            try $0.setDescriptor(0, table, byteCount: 128, flags: indirect)
            for index in 0..<8 as Range<UInt16> {
                try entry($0, UInt64(index), 1, flags: index < 7 ? next : 0, next: index + 1)
            }
        },
        Shape("a table larger than the queue", [], .indirectTooLarge(count: 9, size: 8)) {
            try $0.setDescriptor(0, table, byteCount: 144, flags: indirect)
        },
        Shape("a table of 4 GiB less 16", [], .indirectTooLarge(count: 268_435_455, size: 8)) {
            try $0.setDescriptor(0, table, byteCount: .max - 15, flags: indirect)
        },
        Shape(
            "direct descriptors and a table that are too long together", Array(repeating: 1, count: 8),
            .tooLong(limit: 8)
        ) {
            try $0.setDescriptor(0, at, byteCount: 1, flags: next, next: 1)
            try $0.setDescriptor(1, table, byteCount: 128, flags: indirect)
            for index in 0..<8 as Range<UInt16> {
                try entry($0, UInt64(index), 1, flags: index < 7 ? next : 0, next: index + 1)
            }
        },
        Shape("a loop in a table", Array(repeating: 1, count: 8), .tooLong(limit: 8)) {
            try $0.setDescriptor(0, table, byteCount: 16, flags: indirect)
            try entry($0, 0, 1, flags: next, next: 0)
        },
        Shape("next past the table in a table, though within the queue", [], .nextOutOfRange(next: 2, count: 2)) {
            try $0.setDescriptor(0, table, byteCount: 32, flags: indirect)
            try entry($0, 0, 1, flags: next, next: 2)
        },
        Shape("a table outside of memory", [], .unmappedTable(outside, byteCount: 16)) {
            try $0.setDescriptor(0, outside, byteCount: 16, flags: indirect)
        },
        Shape("a table at the end of 64 bits", [], .unmappedTable(GuestAddress(~15), byteCount: 32)) {
            try $0.setDescriptor(0, GuestAddress(~15), byteCount: 32, flags: indirect)
        },
    ]

    @Test("the walk yields what is there and names the rule that is broken", arguments: shapes)
    func walk(_ shape: Shape) throws {
        let driver = try DriverQueue(size: 8, features: shape.features)
        let queue = try driver.activate()
        try shape.build(driver)
        try driver.offer(0)
        try driver.publish()
        var chain = try #require(try queue.pop())
        var (lengths, whole): ([UInt32], [UInt32]) = ([], [])
        let expected = shape.error.map { QueueError.chain(chain.head, $0) }
        // In one go, of a copy, it is the same.
        do throws(QueueError) {
            try chain.forEach(in: queue) { whole.append($0.byteCount) }
            #expect(expected == nil)
        } catch { #expect(error == expected) }
        do throws(QueueError) {
            while let descriptor = try chain.next(in: queue) { lengths.append(descriptor.byteCount) }
            #expect(expected == nil)
        } catch { #expect(error == expected) }
        #expect(lengths == shape.lengths && whole == shape.lengths)
    }

    @Test("under returnHead a malformed chain goes back with length 0 and the next one is served", arguments: shapes)
    func returnHead(_ shape: Shape) throws {
        guard let error = shape.error else { return }
        let driver = try DriverQueue(size: 8, features: shape.features)
        let queue = try driver.activate()
        queue.malformedChainPolicy = .returnHead
        try shape.build(driver)
        try driver.offer(0)
        try driver.publish()
        let buffers = ChainBuffers()
        do {
            _ = try queue.pop(into: buffers)
            Issue.record("not refused")
        } catch .chain(let head, let found) {
            // What is not mapped is found earlier here, as buffers are looked up on the way.
            if case .unmappedBuffer = found {} else { #expect(found == error) }
            #expect(buffers.head == nil)
            #expect(buffers.readableByteCount == 0 && buffers.writableByteCount == 0)
            #expect(queue.recover(from: .chain(head, found)))
        }
        #expect(try driver.takeUsed() == .init(head: 0, written: 0))
        try driver.setDescriptor(0, Self.at, byteCount: 5, flags: 0)
        try driver.offer(0)
        try driver.publish()
        #expect(try queue.pop(into: buffers)?.index == 0)
        #expect(buffers.readableByteCount == 5)
    }

    @Test("under failDevice a malformed chain breaks the queue")
    func failDevice() throws {
        let driver = try DriverQueue(size: 8)
        let queue = try driver.activate()
        try driver.setDescriptor(0, Self.at, byteCount: 9, flags: Self.next, next: 0)
        try driver.offer(0)
        try driver.offer(1)
        try driver.publish()
        let buffers = ChainBuffers()
        do {
            _ = try queue.pop(into: buffers)
            Issue.record("not refused")
        } catch {
            #expect(!queue.recover(from: error))
            #expect(throws: error) { try queue.pop() }
        }
        #expect(try driver.usedIndex() == 0)
    }

    @Test("a table may be at any address", arguments: [0x9001, 0x9004, 0x9008, 0x900f] as [UInt64])
    func unaligned(_ address: UInt64) throws {
        let driver = try DriverQueue(size: 8)
        let queue = try driver.activate()
        try driver.setDescriptor(0, GuestAddress(address), byteCount: 32, flags: Self.indirect)
        let buffer = DriverQueue.Buffer(Self.at, 0x0102_0304, isWritable: false)
        try driver.setTableEntry(GuestAddress(address), buffer, flags: Self.next, next: 1)
        try driver.setTableEntry(GuestAddress(address + 16), buffer, flags: Self.write)
        try driver.offer(0)
        try driver.publish()
        var chain = try #require(try queue.pop())
        let first = try #require(try chain.next(in: queue))
        let second = try #require(try chain.next(in: queue))
        #expect(first.address == Self.at && first.byteCount == 0x0102_0304 && !first.isWritable)
        #expect(second.address == Self.at && second.byteCount == 0x0102_0304 && second.isWritable)
        let third = try chain.next(in: queue)
        #expect(third == nil)
    }

    @Test("a table may lie across the border of two regions")
    func acrossRegions() throws {
        let ranges = [(0x1000, 0x2000), (0x3000, 0x1000)].compactMap {
            GuestRange(start: GuestAddress($0.0), byteCount: $0.1)
        }
        let driver = try DriverQueue(memory: .anonymous(ranges), size: 8)
        let queue = try driver.activate()
        for address in [0x2ff0, 0x2ff8] as [UInt64] {
            try driver.setDescriptor(0, GuestAddress(address), byteCount: 32, flags: Self.indirect)
            let buffer = DriverQueue.Buffer(GuestAddress(0x2000), 3, isWritable: false)
            try driver.setTableEntry(GuestAddress(address), buffer, flags: Self.next, next: 1)
            try driver.setTableEntry(GuestAddress(address + 16), buffer, flags: Self.write)
            try driver.offer(0)
            try driver.publish()
            let buffers = ChainBuffers()
            _ = try queue.pop(into: buffers)
            #expect(buffers.readableByteCount == 3 && buffers.writableByteCount == 3)
        }
    }
}
