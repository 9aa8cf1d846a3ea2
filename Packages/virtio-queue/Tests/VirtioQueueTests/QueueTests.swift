// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

@Suite struct QueueTests {
    @Test("a chain goes to the device and back, with the bytes that it wrote")
    func roundTrip() throws {
        let driver = try DriverQueue(size: 8)
        let queue = try driver.activate()
        let question = try driver.buffer(of: [1, 2, 3, 4])
        let answer = driver.buffer(room: 8)
        let head = try #require(try driver.send([question, answer]))
        let buffers = ChainBuffers()
        let taken = try #require(try queue.pop(into: buffers))
        #expect(taken.index == head)
        #expect(try queue.pop() == nil)
        var reader = buffers.reader
        var writer = buffers.writer
        let value = reader.read(UInt32.self)
        #expect(value == 0x0403_0201)
        writer.write(UInt16(0xaabb))
        queue.push(buffers, written: UInt32(writer.position))
        #expect(try driver.takeUsed() == .init(head: UInt32(head), written: 2))
        #expect(try driver.takeUsed() == nil)
        #expect(try driver.bytes(of: answer) == [0xbb, 0xaa, 0, 0, 0, 0, 0, 0])
        #expect(driver.freeCount == 8)
    }

    @Test("a chain is not there before its index is published")
    func unpublished() throws {
        let driver = try DriverQueue(size: 8)
        let queue = try driver.activate()
        _ = try driver.add([driver.buffer(room: 1)])
        #expect(try queue.pop() == nil)
        try driver.publish()
        #expect(try queue.pop() != nil)
    }

    @Test("staged entries are seen by the driver at publish, all at once")
    func batch() throws {
        let driver = try DriverQueue(size: 8)
        let queue = try driver.activate()
        for _ in 0..<5 { _ = try driver.add([driver.buffer(room: 1)]) }
        try driver.publish()
        var heads: [ChainHead] = []
        while let chain = try queue.pop() { heads.append(chain.head) }
        #expect(queue.inFlight == 5)
        for (count, head) in heads.enumerated() { queue.stage(head, written: UInt32(count)) }
        #expect(queue.inFlight == 0)
        #expect(try driver.usedIndex() == 0)
        queue.publish()
        #expect(try driver.usedIndex() == 5)
        for (count, head) in heads.enumerated() {
            #expect(try driver.takeUsed() == .init(head: UInt32(head.index), written: UInt32(count)))
        }
        queue.publish()
        #expect(try driver.usedIndex() == 5)
    }

    @Test(
        "an index exactly a queue size ahead is legal, at each place of the wrap",
        arguments: [0, 1, 65528, 65535] as [UInt16])
    func fullRing(_ first: UInt16) throws {
        let driver = try DriverQueue(size: 8, firstIndex: first)
        let queue = try restored(driver, at: first)
        for _ in 0..<8 { _ = try driver.add([driver.buffer(room: 1)]) }
        try driver.publish()
        var count = 0
        while let chain = try queue.pop() {
            count += 1
            queue.push(chain.head, written: 0)
        }
        #expect(count == 8)
    }

    @Test(
        "an index that is more than a queue size ahead, or behind, breaks the queue for good",
        arguments: [0, 65535] as [UInt16], [9, 10, 32768, 65535] as [UInt16])
    func ranAhead(_ first: UInt16, _ ahead: UInt16) throws {
        let driver = try DriverQueue(size: 8, firstIndex: first)
        let queue = try restored(driver, at: first)
        try driver.setAvailableIndex(first &+ ahead)
        let error = QueueError.availableIndexRanAhead(available: first &+ ahead, next: first, size: 8)
        #expect(error.head == nil)
        #expect(throws: error) { try queue.pop() }
        try driver.setAvailableIndex(first &+ 1)
        #expect(throws: error) { try queue.pop() }
        #expect(!queue.enableNotifications())
        queue.malformedChainPolicy = .returnHead
        #expect(!queue.recover(from: error))
        #expect(try driver.usedIndex() == first)
    }

    @Test("a head past the table breaks the queue, and nothing is returned", arguments: [8, 9, 65535] as [UInt16])
    func badHead(_ head: UInt16) throws {
        let driver = try DriverQueue(size: 8)
        let queue = try driver.activate()
        queue.malformedChainPolicy = .returnHead
        try driver.offer(head)
        try driver.publish()
        let error = QueueError.headOutOfRange(head: head, size: 8)
        #expect(throws: error) { try queue.pop() }
        #expect(throws: error) { try queue.pop() }
        #expect(!queue.recover(from: error))
        #expect(try driver.usedIndex() == 0)
    }

    @Test("a driver that offers more chains than it has descriptors, without waiting, is stopped")
    func tooManyInFlight() throws {
        let driver = try DriverQueue(size: 4)
        let queue = try driver.activate()
        for _ in 0..<4 { try driver.offer(0) }
        try driver.publish()
        for _ in 0..<4 { #expect(try queue.pop() != nil) }
        for _ in 0..<4 { try driver.offer(0) }
        try driver.publish()
        #expect(throws: QueueError.tooManyInFlight(size: 4)) { try queue.pop() }
    }

    @Test("a chain put back is the next one again")
    func undo() throws {
        let driver = try DriverQueue(size: 4)
        let queue = try driver.activate()
        let first = try driver.send([driver.buffer(room: 1)])
        let second = try driver.send([driver.buffer(room: 2)])
        let head = try #require(try queue.pop()).head
        #expect(head.index == first)
        queue.undoPop(head)
        #expect(queue.inFlight == 0)
        queue.undoPop(head)
        #expect(try queue.pop()?.head.index == first)
        #expect(try queue.pop()?.head.index == second)
    }

    @Test("a queue of one descriptor works through every index")
    func sizeOne() throws {
        let driver = try DriverQueue(size: 1)
        let queue = try driver.activate()
        let buffer = driver.buffer(room: 4)
        for round in 0..<70_000 {
            try driver.send([buffer])
            guard let chain = try queue.pop() else {
                Issue.record("nothing in round \(round)")
                return
            }
            queue.push(chain.head, written: UInt32(round))
            guard try driver.takeUsed() == .init(head: 0, written: UInt32(round)) else {
                Issue.record("not returned in round \(round)")
                return
            }
        }
    }

    @Test("the used ring's pages are dirty after a push, the buffers' as far as they were written")
    func dirtyPages() throws {
        let range = try #require(GuestRange(start: GuestAddress(0x1000), byteCount: 0x8000))
        var options = MappingOptions()
        options.dirtyPageByteCount = 4096
        let memory = try GuestMemory.anonymous([range], options: options)
        let driver = try DriverQueue(memory: memory, size: 8)
        let queue = try driver.activate()
        let bitmap = try #require(memory.regions.first?.dirtyBitmap)
        let answers = [0x3000, 0x5000].map { DriverQueue.Buffer(GuestAddress($0), 0x1000, isWritable: true) }
        try driver.send(answers)
        bitmap.clearAll()
        let buffers = ChainBuffers()
        #expect(try queue.pop(into: buffers) != nil)
        #expect(bitmap.dirtyPageCount == 0)
        queue.push(buffers, written: 0x1000)
        #expect(bitmap.isDirty(byteOffset: driver.configuration.usedRing.rawValue - 0x1000))
        #expect(bitmap.isDirty(byteOffset: 0x2000))
        #expect(!bitmap.isDirty(byteOffset: 0x4000))
        #expect(buffers.head == nil)
    }
}

/// The device's queue of a driver that begins at an index other than 0.
func restored(_ driver: DriverQueue, at index: UInt16) throws -> Queue {
    let state = QueueState(configuration: driver.configuration, nextAvailable: index, nextUsed: index)
    return try state.restore(memory: driver.memory, features: driver.features)
}

/// The device's queue of a driver that begins at a slot other than 0.
func restored(_ driver: PackedDriverQueue, at slot: UInt64) throws -> Queue {
    let position = driver.position(slot).rawValue
    let state = QueueState(
        configuration: driver.configuration, format: .packed, nextAvailable: position, nextUsed: position)
    return try state.restore(memory: driver.memory, features: driver.features)
}
