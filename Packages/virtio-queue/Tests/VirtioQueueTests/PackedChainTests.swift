// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

@Suite struct PackedChainTests {
    /// A chain that a driver wrote by hand from slot 0 of a ring of 6 on, and what the walk says of it.
    struct Shape: Sendable, CustomTestStringConvertible {
        let testDescription: String
        /// Lengths of the descriptors that come out; then the error, if any.
        let lengths: [UInt32]
        let error: ChainError?
        let features: VirtioFeatures
        let build: @Sendable (PackedDriverQueue) throws -> Void

        init(
            _ description: String, _ lengths: [UInt32], _ error: ChainError? = nil,
            features: VirtioFeatures = [.version1, .indirectDescriptors, .packedRing],
            _ build: @escaping @Sendable (PackedDriverQueue) throws -> Void
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
    /// The chain's buffer id, which its last descriptor alone has.
    static let id: UInt16 = 0xbeef

    static func entry(_ driver: PackedDriverQueue, _ index: UInt64, _ byteCount: UInt32, flags: UInt16) throws {
        let buffer = DriverQueue.Buffer(at, byteCount, isWritable: false)
        try driver.setEntry(GuestAddress(table.rawValue + 16 * index), buffer, id: 7, flags: flags)
    }

    static let shapes: [Shape] = [
        Shape("one descriptor", [5]) { try $0.setDescriptor(0, at, byteCount: 5, id: id, flags: 0) },
        Shape("flags the specification does not know are ignored", [5]) {
            try $0.setDescriptor(0, at, byteCount: 5, id: id, flags: 0x7f78)
        },
        Shape("three in a row, the id from the last", [1, 2, 3]) {
            try $0.setDescriptor(0, at, byteCount: 1, id: 1, flags: next)
            try $0.setDescriptor(1, at, byteCount: 2, id: 2, flags: next)
            try $0.setDescriptor(2, at, byteCount: 3, id: id, flags: write)
        },
        Shape("empty buffers are buffers", [0, 0]) {
            try $0.setDescriptor(0, outside, byteCount: 0, id: 1, flags: next)
            try $0.setDescriptor(1, at, byteCount: 0, id: id, flags: write)
        },
        Shape("a chain as long as the queue", [1, 1, 1, 1, 1, 1]) {
            for slot in 0..<6 as Range<UInt64> {
                try $0.setDescriptor(slot, at, byteCount: 1, id: id, flags: slot < 5 ? next : 0)
            }
        },
        Shape("4 GiB less a byte in two", [.max - 1, 1]) {
            try $0.setDescriptor(0, at, byteCount: .max - 1, id: 1, flags: next)
            try $0.setDescriptor(1, at, byteCount: 1, id: id, flags: 0)
        },
        Shape("4 GiB in two", [.max], .tooManyBytes) {
            try $0.setDescriptor(0, at, byteCount: .max, id: 1, flags: next)
            try $0.setDescriptor(1, at, byteCount: 1, id: id, flags: 0)
        },
        Shape("readable after writable", [1], .readableAfterWritable) {
            try $0.setDescriptor(0, at, byteCount: 1, id: 1, flags: next | write)
            try $0.setDescriptor(1, at, byteCount: 1, id: id, flags: 0)
        },
        Shape("a table of three in a row, every flag but WRITE is ignored in it", [1, 2, 3]) {
            try $0.setDescriptor(0, table, byteCount: 48, id: id, flags: indirect)
            try entry($0, 0, 1, flags: 0x8080 | indirect)
            try entry($0, 1, 2, flags: 0)
            try entry($0, 2, 3, flags: write | next)
        },
        Shape("the WRITE flag of the reference to a table is ignored", [1]) {
            try $0.setDescriptor(0, table, byteCount: 16, id: id, flags: indirect | write)
            try entry($0, 0, 1, flags: 0)
        },
        Shape("a table over no 8-byte border", [4]) {
            let unaligned = GuestAddress(table.rawValue + 2)
            try $0.setDescriptor(0, unaligned, byteCount: 16, id: id, flags: indirect)
            try $0.memory.store(4 as UInt16, at: GuestAddress(unaligned.rawValue + 8))
        },
        Shape("readable after writable in a table", [1], .readableAfterWritable) {
            try $0.setDescriptor(0, table, byteCount: 32, id: id, flags: indirect)
            try entry($0, 0, 1, flags: write)
            try entry($0, 1, 2, flags: 0)
        },
        Shape("a table at the head of a chain of two", [], .indirectInChain) {
            try $0.setDescriptor(0, table, byteCount: 16, id: 1, flags: indirect | next)
            try $0.setDescriptor(1, at, byteCount: 1, id: id, flags: 0)
        },
        Shape("a table at the end of a chain of two", [7], .indirectInChain) {
            try $0.setDescriptor(0, at, byteCount: 7, id: 1, flags: next)
            try $0.setDescriptor(1, table, byteCount: 16, id: id, flags: indirect)
        },
        Shape("a table that is not negotiated", [], .indirectNotNegotiated, features: [.version1, .packedRing]) {
            try $0.setDescriptor(0, table, byteCount: 16, id: id, flags: indirect)
        },
        Shape("a table of no bytes", [], .indirectLength(0)) {
            try $0.setDescriptor(0, table, byteCount: 0, id: id, flags: indirect)
        },
        Shape("a table of 15 bytes", [], .indirectLength(15)) {
            try $0.setDescriptor(0, table, byteCount: 15, id: id, flags: indirect)
        },
        Shape("a table of 17 bytes", [], .indirectLength(17)) {
            try $0.setDescriptor(0, table, byteCount: 17, id: id, flags: indirect)
        },
        Shape("a table as large as the queue", [1, 1, 1, 1, 1, 1]) {
            try $0.setDescriptor(0, table, byteCount: 96, id: id, flags: indirect)
            for index in 0..<6 as Range<UInt64> { try entry($0, index, 1, flags: 0) }
        },
        Shape("a table larger than the queue", [], .indirectTooLarge(count: 7, size: 6)) {
            try $0.setDescriptor(0, table, byteCount: 112, id: id, flags: indirect)
        },
        Shape("a table outside of memory", [], .unmappedTable(outside, byteCount: 16)) {
            try $0.setDescriptor(0, outside, byteCount: 16, id: id, flags: indirect)
        },
    ]

    private static func walk(_ shape: Shape) throws -> (queue: Queue, head: ChainHead, lengths: [UInt32], QueueError?) {
        let driver = try PackedDriverQueue(size: 6, features: shape.features)
        try shape.build(driver)
        let queue = try driver.activate()
        var chain = try #require(try queue.pop())
        var (lengths, whole): ([UInt32], [UInt32]) = ([], [])
        // In one go, of a copy, it is the same.
        do throws(QueueError) { try chain.forEach(in: queue) { whole.append($0.byteCount) } } catch {}
        do throws(QueueError) {
            defer { #expect(lengths == whole) }
            while let descriptor = try chain.next(in: queue) { lengths.append(descriptor.byteCount) }
        } catch { return (queue, chain.head, lengths, error) }
        return (queue, chain.head, lengths, nil)
    }

    @Test("a walk yields the descriptors and then the rule that is broken", arguments: shapes)
    func walk(_ shape: Shape) throws {
        let (queue, head, lengths, error) = try Self.walk(shape)
        #expect(lengths == shape.lengths)
        #expect(error == shape.error.map { .chain(head, $0) })
        #expect(head.index == Self.id && queue.inFlight == 1)
    }

    @Test("a malformed chain goes back with length 0 and its slots under .returnHead, else the queue is broken")
    func policy() throws {
        for shape in Self.shapes {
            guard shape.error != nil else { continue }
            for policy in [MalformedChainPolicy.returnHead, .failDevice] {
                let (queue, head, _, found) = try Self.walk(shape)
                queue.malformedChainPolicy = policy
                let error = try #require(found)
                #expect(queue.recover(from: error) == (policy == .returnHead), "\(shape.testDescription)")
                guard policy == .returnHead else {
                    #expect(throws: error) { try queue.pop() }
                    continue
                }
                #expect(queue.inFlight == 0)
                let position = RingPosition(slot: head.slotCount, wrap: true).rawValue
                #expect(queue.save().nextUsed == position && queue.save().nextAvailable == position)
                #expect(try queue.pop() == nil)
            }
        }
    }

    @Test(
        "a chain goes over the end of the ring, where the wrap counter changes",
        arguments: 0...17 as ClosedRange<UInt64>)
    func wraps(_ first: UInt64) throws {
        let driver = try PackedDriverQueue(size: 6, firstSlot: first)
        let queue = try restored(driver, at: first)
        let buffers = (1...4 as ClosedRange<UInt32>).map { driver.buffer(room: $0) }
        let id = try #require(try driver.send(buffers))
        var chain = try #require(try queue.pop())
        #expect(chain.head.index == id && chain.head.slotCount == 4)
        for buffer in buffers {
            let descriptor = try chain.next(in: queue)
            #expect(descriptor?.address == buffer.address && descriptor?.byteCount == buffer.byteCount)
        }
        #expect(try chain.next(in: queue) == nil)
        #expect(try queue.pop() == nil)
        queue.push(chain.head, written: 9)
        #expect(try driver.takeUsed() == .init(id: id, written: 9, hasWritten: true))
        #expect(try driver.takeUsed() == nil)
    }

    @Test("NEXT flags and the number of slots are those at the pop, whatever the driver makes of them then")
    func changedAfterPop() throws {
        let driver = try PackedDriverQueue(size: 6)
        let queue = try driver.activate()
        try driver.setDescriptor(0, Self.at, byteCount: 1, id: 1, flags: Self.next)
        try driver.setDescriptor(1, Self.at, byteCount: 2, id: 2, flags: 0)
        var chain = try #require(try queue.pop())
        try driver.setDescriptor(0, Self.at, byteCount: 1, id: 8, flags: 0)
        try driver.setDescriptor(1, Self.at, byteCount: 2, id: 9, flags: Self.next)
        var lengths: [UInt32] = []
        while let descriptor = try chain.next(in: queue) { lengths.append(descriptor.byteCount) }
        #expect(lengths == [1, 2] && chain.head.index == 2 && chain.head.slotCount == 2)
    }

    @Test("buffers outside of memory or in read-only memory are named, and the slots of their chain are skipped")
    func unmapped() throws {
        let driver = try PackedDriverQueue(size: 6)
        let queue = try driver.activate()
        queue.malformedChainPolicy = .returnHead
        let pair = [(Self.at, false), (Self.outside, true)].map { DriverQueue.Buffer($0.0, 4, isWritable: $0.1) }
        let id = try #require(try driver.send(pair))
        try driver.send([.init(Self.at, 4, isWritable: true)])
        let buffers = ChainBuffers()
        do throws(QueueError) {
            _ = try queue.pop(into: buffers)
            Issue.record("no error")
        } catch {
            #expect(error.head?.index == id)
            #expect(queue.recover(from: error))
        }
        #expect(try queue.pop(into: buffers) != nil)
        #expect(buffers.writableByteCount == 4)
        #expect(try driver.takeUsed() == .init(id: id, written: 0, hasWritten: false))
    }
}
