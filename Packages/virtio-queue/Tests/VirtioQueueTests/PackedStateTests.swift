// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

@Suite struct PackedStateTests {
    @Test("a restored queue goes on where the saved one stopped, with what was in flight and not signalled")
    func goesOn() throws {
        let driver = try PackedDriverQueue(size: 5, firstSlot: 3)
        let first = try restored(driver, at: 3)
        let done = try #require(try driver.send([driver.buffer(room: 1)]))
        let kept = try #require(try driver.send([driver.buffer(room: 2), driver.buffer(room: 3)]))
        try driver.send([driver.buffer(room: 4)])
        let doneHead = try #require(try first.pop()).head
        let keptHead = try #require(try first.pop()).head
        first.stage(doneHead, written: 1)
        let state = first.save()
        #expect(state.format == .packed && state.inFlight == 1 && state.unsignalled == 1)
        #expect(state.nextUsed == driver.position(4).rawValue && state.nextAvailable == driver.position(6).rawValue)
        let second = try state.restore(memory: driver.memory, features: driver.features)
        #expect(second.save() == state)
        #expect(second.shouldSignalDriver())
        let head = try #require(second.head(inFlight: keptHead.index, slotCount: keptHead.slotCount))
        #expect(head == keptHead)
        second.push(head, written: 2)
        #expect(try second.pop() != nil)
        #expect(try second.pop() == nil)
        #expect(try driver.takeUsed() == .init(id: done, written: 1, hasWritten: true))
        #expect(try driver.takeUsed() == .init(id: kept, written: 2, hasWritten: true))
    }

    @Test("a state of the other format than was negotiated is refused")
    func format() throws {
        let packed = try PackedDriverQueue(size: 4)
        let split = try DriverQueue(size: 4)
        #expect(throws: QueueConfigurationError.state(.format(.packed))) {
            try packed.activate().save().restore(memory: packed.memory, features: split.features)
        }
        #expect(throws: QueueConfigurationError.state(.format(.split))) {
            try split.activate().save().restore(memory: split.memory, features: packed.features)
        }
    }

    @Test("slots outside of the ring are refused")
    func positions() throws {
        let driver = try PackedDriverQueue(size: 5)
        let good = try driver.activate().save()
        for raw in [5, 0x7fff, 0x8005, 0xffff] as [UInt16] {
            let error = QueueConfigurationError.state(.position(RingPosition(rawValue: raw), size: 5))
            var state = good
            state.nextAvailable = raw
            #expect(throws: error) { try state.restore(memory: driver.memory, features: driver.features) }
            state = good
            state.nextUsed = raw
            #expect(throws: error) { try state.restore(memory: driver.memory, features: driver.features) }
        }
    }

    @Test("every pair of positions and count in flight: accepted only if so many chains fit between")
    func counts() throws {
        let driver = try PackedDriverQueue(size: 3)
        var accepted = 0
        for used in 0..<6 as Range<UInt64> {
            for available in used..<used + 6 {
                for inFlight in 0...4 as ClosedRange<UInt16> {
                    let state = QueueState(
                        configuration: driver.configuration, format: .packed,
                        nextAvailable: driver.position(available).rawValue, nextUsed: driver.position(used).rawValue,
                        inFlight: inFlight)
                    let slots = available - used
                    let isRight = slots == 0 ? inFlight == 0 : slots <= 3 && (1...slots).contains(UInt64(inFlight))
                    do throws(QueueConfigurationError) {
                        let queue = try state.restore(memory: driver.memory, features: driver.features)
                        #expect(isRight && queue.save() == state)
                        accepted += 1
                    } catch { #expect(!isRight) }
                }
            }
        }
        #expect(accepted == 6 * (1 + 1 + 2 + 3))
    }

    @Test("rings that are not in guest memory and sizes that cannot be are refused at a restore")
    func configuration() throws {
        let driver = try PackedDriverQueue(size: 4)
        var state = try driver.activate().save()
        let end = GuestAddress(0xffff_ffff_ffff_fff0)
        state.configuration.descriptorTable = end
        #expect(throws: QueueConfigurationError.unmapped(.descriptorTable, end, byteCount: 64)) {
            try state.restore(memory: driver.memory, features: driver.features)
        }
        state.configuration.size = 5
        #expect(throws: QueueConfigurationError.size(5, maximum: 4)) {
            try state.restore(memory: driver.memory, features: driver.features)
        }
        state.configuration.isReady = false
        #expect(throws: QueueConfigurationError.notReady) {
            try state.restore(memory: driver.memory, features: driver.features)
        }
    }

    @Test("a broken queue is restored broken, and does not spin")
    func broken() throws {
        let driver = try PackedDriverQueue(size: 2)
        let first = try driver.activate()
        try driver.setFlags(0, 0x81)
        #expect(throws: QueueError.partialChain(slot: 1)) { try first.pop() }
        let second = try first.save().restore(memory: driver.memory, features: driver.features)
        #expect(throws: QueueError.savedBroken) { try second.pop() }
        #expect(!second.enableNotifications())
    }

    @Test("no name is given to a chain that the queue cannot have in flight")
    func heads() throws {
        let driver = try PackedDriverQueue(size: 4)
        let queue = try driver.activate()
        #expect(queue.head(inFlight: 0) == nil)
        try driver.send([driver.buffer(room: 1), driver.buffer(room: 1)])
        _ = try queue.pop()
        #expect(queue.head(inFlight: 9, slotCount: 2)?.index == 9)
        #expect(queue.head(inFlight: 9, slotCount: 3) == nil && queue.head(inFlight: 9, slotCount: 0) == nil)
    }
}
