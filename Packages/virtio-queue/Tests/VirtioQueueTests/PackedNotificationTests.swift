// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

@Suite struct PackedNotificationTests {
    static let plain: VirtioFeatures = [.version1, .packedRing]

    private func pushOne(_ driver: PackedDriverQueue, _ queue: Queue, slots: Int = 1) throws {
        while try driver.takeUsed() != nil {}
        try driver.send((0..<slots).map { _ in .init(GuestAddress(0x8000), 1, isWritable: true) })
        let chain = try #require(try queue.pop())
        queue.push(chain.head, written: 0)
    }

    @Test("the driver's flags: 0 all, 1 none; 3 is reserved and 2 means nothing without the event index: all")
    func flags() throws {
        let all: [(UInt16, Bool)] = [(0, true), (1, false), (2, true), (3, true), (0xfffc, true), (0xfffd, false)]
        for (flags, wants) in all {
            let driver = try PackedDriverQueue(size: 4, features: Self.plain)
            let queue = try driver.activate()
            #expect(!queue.shouldSignalDriver())
            try driver.setDriverEvent(flags: flags, RingPosition(slot: 3, wrap: false))
            try pushOne(driver, queue)
            #expect(queue.shouldSignalDriver() == wants, "\(flags)")
            #expect(!queue.shouldSignalDriver())
        }
    }

    @Test(
        "with the event index a batch signals exactly if it passes the position, at each place of the circle",
        arguments: 0..<10 as Range<UInt64>, 1...5)
    func event(_ first: UInt64, _ batch: Int) throws {
        for distance in 0..<10 as Range<UInt64> {
            let driver = try PackedDriverQueue(size: 5, firstSlot: first)
            let queue = try restored(driver, at: first)
            try driver.setDriverEvent(flags: 2, driver.position(first + distance))
            for _ in 0..<batch { try pushOne(driver, queue) }
            #expect(queue.shouldSignalDriver() == (distance < UInt64(batch)), "distance \(distance)")
            #expect(!queue.shouldSignalDriver())
        }
    }

    @Test("a position that a chain of several slots skips counts as passed")
    func skipped() throws {
        for distance in 0..<5 as Range<UInt64> {
            let driver = try PackedDriverQueue(size: 5)
            let queue = try driver.activate()
            try driver.setDriverEvent(flags: 2, driver.position(distance))
            try pushOne(driver, queue, slots: 3)
            #expect(queue.shouldSignalDriver() == (distance < 3), "distance \(distance)")
        }
    }

    @Test("more than a whole circle always signals, and so does a position outside of the ring")
    func always() throws {
        let driver = try PackedDriverQueue(size: 5)
        let queue = try driver.activate()
        try driver.setDriverEvent(flags: 2, driver.position(9))
        for _ in 0..<10 { try pushOne(driver, queue) }
        #expect(queue.shouldSignalDriver())
        for slot in [5, 6, 0x7fff] as [UInt16] {
            try driver.setDriverEvent(flags: 2, RingPosition(slot: slot, wrap: true))
            try pushOne(driver, queue)
            #expect(queue.shouldSignalDriver())
        }
    }

    @Test("the doorbell is switched off and on by the device's flags without the event index")
    func doorbellFlags() throws {
        let driver = try PackedDriverQueue(size: 4, features: Self.plain)
        let queue = try driver.activate()
        queue.disableNotifications()
        #expect(try driver.deviceEvent().flags == 1)
        try driver.send([driver.buffer(room: 1)])
        #expect(try !driver.mustRing(since: 0))
        #expect(queue.enableNotifications())
        #expect(try driver.deviceEvent().flags == 0)
        #expect(try driver.mustRing(since: 0))
        _ = try queue.pop()
        #expect(!queue.enableNotifications())
    }

    @Test("with the event index the device asks for the doorbell of the next chain", arguments: 0..<6 as Range<UInt64>)
    func doorbellEvent(_ first: UInt64) throws {
        let driver = try PackedDriverQueue(size: 3, firstSlot: first)
        let queue = try restored(driver, at: first)
        #expect(!queue.enableNotifications())
        #expect(try driver.deviceEvent() == (2, driver.position(first)))
        try driver.send([driver.buffer(room: 1)])
        #expect(try driver.mustRing(since: first))
        try driver.send([driver.buffer(room: 1)])
        #expect(try !driver.mustRing(since: first + 1))
        #expect(queue.enableNotifications())
    }
}
