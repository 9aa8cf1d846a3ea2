// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

@Suite struct ServeTests {
    let driver: DriverQueue
    let queue: Queue
    let buffers = ChainBuffers()

    init() throws {
        driver = try DriverQueue(size: 8)
        queue = try driver.activate()
    }

    @Test("everything there is served, published in one go, and the doorbell is on again")
    func drains() throws {
        for _ in 0..<4 { try driver.send([driver.buffer(room: 4)]) }
        var sizes: [UInt64] = []
        let outcome = try queue.serve(into: buffers, limit: 100) { buffers in
            sizes.append(buffers.writableByteCount)
            #expect((try? driver.usedIndex()) == 0)
            return .used(written: 4)
        }
        #expect(outcome == .drained && sizes == [4, 4, 4, 4])
        #expect(try driver.usedIndex() == 4)
        #expect(try driver.availableEvent() == 4)
    }

    @Test("what arrives while the device is busy is served too")
    func raced() throws {
        try driver.send([driver.buffer(room: 4)])
        var count = 0
        let outcome = try queue.serve(into: buffers, limit: 100) { _ in
            count += 1
            if count < 20 {
                _ = try? driver.takeUsed()
                _ = try? driver.send([driver.buffer(room: 4)])
            }
            return .used(written: 0)
        }
        #expect(outcome == .drained && count >= 8)
        #expect(try queue.pop() == nil)
    }

    @Test("a driver that refills for ever is left after the limit")
    func bounded() throws {
        try driver.send([driver.buffer(room: 4)])
        let offer = driver.availableIndex
        var next = offer
        let outcome = try queue.serve(into: buffers, limit: 50) { _ in
            next &+= 1
            try? driver.setAvailableIndex(next)
            return .used(written: 0)
        }
        #expect(outcome == .limitReached)
        #expect(try driver.usedIndex() == 50)
    }

    @Test("a loop of malformed chains counts against the limit as well")
    func boundedMalformed() throws {
        queue.malformedChainPolicy = .returnHead
        try driver.setDescriptor(0, GuestAddress(0x4000_0000), byteCount: 4, flags: 0)
        for _ in 0..<8 { try driver.offer(0) }
        try driver.publish()
        let outcome = try queue.serve(into: buffers, limit: 5) { _ in
            Issue.record("served")
            return .inFlight
        }
        #expect(outcome == .limitReached)
        #expect(try driver.usedIndex() == 5)
    }

    @Test("a chain put back ends the serving, keeps its place, and what came before is published")
    func putBack() throws {
        for count in 1...3 as ClosedRange<UInt32> { try driver.send([driver.buffer(room: count)]) }
        let outcome = try queue.serve(into: buffers, limit: 100) {
            $0.writableByteCount == 2 ? .putBack : .used(written: 0)
        }
        #expect(outcome == .putBack)
        #expect(try driver.usedIndex() == 1)
        _ = try queue.pop(into: buffers)
        #expect(buffers.writableByteCount == 2)
    }

    @Test("a broken rule is thrown after what came before is published")
    func fails() throws {
        try driver.send([driver.buffer(room: 4)])
        try driver.offer(99)
        try driver.publish()
        #expect(throws: QueueError.headOutOfRange(head: 99, size: 8)) {
            try queue.serve(into: buffers, limit: 100) { _ in .used(written: 4) }
        }
        #expect(try driver.takeUsed()?.written == 4)
        #expect(queue.shouldSignalDriver())
    }

    @Test("chains can be returned unread: published in one go, and the doorbell is on again", arguments: [false, true])
    func unread(isPacked: Bool) throws {
        let driver: any RingDriver = isPacked ? try PackedDriverQueue(size: 8) : self.driver
        let queue = isPacked ? try driver.activate() : self.queue
        // More than one round, and chains of several slots.
        for round in 0..<5 {
            for _ in 0..<3 { try driver.send(chain: [driver.buffer(room: 4), driver.buffer(room: 4)]) }
            var written: UInt32 = 0
            let outcome = try queue.serveUnread(limit: 100) { _ in
                written += 1
                #expect((try? driver.takeBack()) == .some(.none))
                return written
            }
            #expect(outcome == .drained && queue.inFlight == 0)
            if round == 0 { #expect(queue.shouldSignalDriver()) }
            for count in 1...3 as ClosedRange<UInt32> { #expect(try driver.takeBack()?.written == count) }
            #expect(try driver.takeBack() == nil)
        }
    }

    @Test("no more chains are returned unread than the limit allows")
    func unreadBounded() throws {
        try driver.send([driver.buffer(room: 4)])
        var next = driver.availableIndex
        let outcome = try queue.serveUnread(limit: 50) { _ in
            next &+= 1
            try? driver.setAvailableIndex(next)
            return 0
        }
        #expect(outcome == .limitReached)
        #expect(try driver.usedIndex() == 50)
    }

    @Test("a ring that breaks while chains are returned unread stays broken, and what came before is published")
    func unreadBroken() throws {
        try driver.send([driver.buffer(room: 4)])
        try driver.offer(99)
        try driver.publish()
        let broken = QueueError.headOutOfRange(head: 99, size: 8)
        #expect(throws: broken) { try queue.serveUnread(limit: 100) { _ in 4 } }
        #expect(try driver.takeUsed()?.written == 4)
        try driver.setAvailableEntry(1, 0)
        #expect(throws: broken) { try queue.serveUnread(limit: 100) { _ in 4 } }
        #expect(throws: broken) { try queue.pop() }
    }

    @Test("a packed ring that breaks while chains are returned unread stays broken")
    func unreadBrokenPacked() throws {
        let driver = try PackedDriverQueue(size: 4)
        let queue = try driver.activate()
        try driver.send([driver.buffer(room: 4)])
        // 1 is NEXT, and what follows was never offered.
        try driver.setDescriptor(1, GuestAddress(0), byteCount: 1, id: 1, flags: 1)
        let broken = QueueError.partialChain(slot: 2)
        #expect(throws: broken) { try queue.serveUnread(limit: 100) { _ in 4 } }
        #expect(try driver.takeBack()?.written == 4)
        try driver.setDescriptor(1, GuestAddress(0), byteCount: 1, id: 1, flags: 0)
        #expect(throws: broken) { try queue.serveUnread(limit: 100) { _ in 4 } }
        #expect(throws: broken) { try queue.pop() }
    }
}
