// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

@Suite struct QueueStateTests {
    @Test("a restored queue goes on where the saved one stopped, with what was in flight")
    func goesOn() throws {
        let driver = try DriverQueue(size: 8)
        let first = try driver.activate()
        for count in 1...5 as ClosedRange<UInt32> { try driver.send([driver.buffer(room: count)]) }
        let done = try #require(try first.pop())
        let kept = try #require(try first.pop())
        first.stage(done.head, written: 1)
        let state = first.save()
        #expect(state.nextAvailable == 2 && state.nextUsed == 1 && state.inFlight == 1 && state.unsignalled == 1)
        let second = try state.restore(memory: driver.memory, features: driver.features)
        #expect(second.inFlight == 1)
        #expect(second.save() == state)
        #expect(second.shouldSignalDriver())
        let head = try #require(second.head(inFlight: kept.head.index))
        second.push(head, written: 2)
        var lengths: [UInt32] = []
        while var chain = try second.pop() {
            if let descriptor = try chain.next(in: second) { lengths.append(descriptor.byteCount) }
        }
        #expect(lengths == [3, 4, 5])
        #expect(try driver.takeUsed()?.written == 1)
        #expect(try driver.takeUsed()?.written == 2)
    }

    @Test("numbers that contradict each other are refused")
    func refused() throws {
        let driver = try DriverQueue(size: 8)
        var state = try driver.activate().save()
        state.inFlight = 9
        state.nextAvailable = 9
        #expect(throws: QueueConfigurationError.state(.inFlight(9, size: 8))) {
            try state.restore(memory: driver.memory, features: driver.features)
        }
        state.inFlight = 2
        #expect(throws: QueueConfigurationError.state(.indices(nextAvailable: 9, nextUsed: 0, inFlight: 2))) {
            try state.restore(memory: driver.memory, features: driver.features)
        }
        state.nextUsed = 7
        _ = try state.restore(memory: driver.memory, features: driver.features)
        state.configuration.size = 0
        #expect(throws: QueueConfigurationError.size(0, maximum: 8)) {
            try state.restore(memory: driver.memory, features: driver.features)
        }
    }

    @Test("the difference of the indices holds across their wrap")
    func wrap() throws {
        let driver = try DriverQueue(size: 8)
        let state = QueueState(configuration: driver.configuration, nextAvailable: 2, nextUsed: 65534, inFlight: 4)
        let queue = try state.restore(memory: driver.memory, features: driver.features)
        #expect(queue.inFlight == 4)
    }

    @Test("a broken queue is restored broken, and does not spin")
    func broken() throws {
        let driver = try DriverQueue(size: 8)
        let first = try driver.activate()
        try driver.setAvailableIndex(100)
        _ = try? first.pop()
        let state = first.save()
        #expect(state.isBroken)
        let second = try state.restore(memory: driver.memory, features: driver.features)
        #expect(throws: QueueError.savedBroken) { try second.pop() }
        #expect(!second.enableNotifications())
    }

    @Test("no name is given to a chain that the queue cannot have")
    func heads() throws {
        let queue = try DriverQueue(size: 8).activate()
        #expect(queue.head(inFlight: 7)?.index == 7)
        #expect(queue.head(inFlight: 8) == nil)
    }

    @Test("what a hostile guest left in its rings is found at the first pop after a restore")
    func hostileGuest() throws {
        let driver = try DriverQueue(size: 8)
        let state = try driver.activate().save()
        try driver.setAvailableIndex(200)
        let queue = try state.restore(memory: driver.memory, features: driver.features)
        #expect(throws: QueueError.availableIndexRanAhead(available: 200, next: 0, size: 8)) { try queue.pop() }
    }
}
