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
}
