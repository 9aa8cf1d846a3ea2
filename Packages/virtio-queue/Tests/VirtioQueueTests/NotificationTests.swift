// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

@Suite struct NotificationTests {
    static let plain: VirtioFeatures = [.version1]

    private func pushOne(_ driver: DriverQueue, _ queue: Queue) throws {
        if driver.freeCount == 0 { while try driver.takeUsed() != nil {} }
        try driver.send([.init(GuestAddress(0x8000), 1, isWritable: true)])
        let chain = try #require(try queue.pop())
        queue.push(chain.head, written: 0)
    }

    @Test("without the event index the flag alone decides, and nothing new is nothing to signal")
    func flag() throws {
        let driver = try DriverQueue(size: 8, features: Self.plain)
        let queue = try driver.activate()
        #expect(!queue.shouldSignalDriver())
        try pushOne(driver, queue)
        #expect(queue.shouldSignalDriver())
        #expect(!queue.shouldSignalDriver())
        try driver.setAvailableFlags(1)
        try pushOne(driver, queue)
        #expect(!queue.shouldSignalDriver())
        try driver.setAvailableFlags(0xfffe)
        try pushOne(driver, queue)
        #expect(queue.shouldSignalDriver())
    }

    @Test(
        "with the event index a batch signals exactly if it passes the event, at each place of the wrap",
        arguments: [0, 1, 100, 65530, 65535] as [UInt16], 1...6)
    func event(_ first: UInt16, _ batch: Int) throws {
        for distance in -3...8 {
            let driver = try DriverQueue(size: 8, firstIndex: first)
            let queue = try restored(driver, at: first)
            try driver.setUsedEvent(first &+ UInt16(truncatingIfNeeded: distance))
            // The flag has no meaning then (2.7.10.1).
            try driver.setAvailableFlags(1)
            for _ in 0..<batch { try pushOne(driver, queue) }
            #expect(queue.shouldSignalDriver() == (0..<batch).contains(distance), "distance \(distance)")
            #expect(!queue.shouldSignalDriver())
        }
    }

    @Test("a batch of more than 65535 always signals")
    func wholeRound() throws {
        let driver = try DriverQueue(size: 8)
        let queue = try driver.activate()
        try driver.setUsedEvent(65535)
        _ = queue.shouldSignalDriver()
        for _ in 0..<65_536 { try pushOne(driver, queue) }
        #expect(queue.shouldSignalDriver())
        #expect(!queue.shouldSignalDriver())
    }

    @Test("staged entries do not count before they are published")
    func staged() throws {
        let driver = try DriverQueue(size: 8, features: Self.plain)
        let queue = try driver.activate()
        try driver.send([driver.buffer(room: 1)])
        let chain = try #require(try queue.pop())
        queue.stage(chain.head, written: 0)
        #expect(!queue.shouldSignalDriver())
        queue.publish()
        #expect(queue.shouldSignalDriver())
    }

    @Test("the doorbell is switched off and on by the flag without the event index")
    func doorbellFlag() throws {
        let driver = try DriverQueue(size: 8, features: Self.plain)
        let queue = try driver.activate()
        #expect(try driver.mustRing(since: 0))
        queue.disableNotifications()
        #expect(try driver.usedFlags() == 1)
        #expect(try !driver.mustRing(since: 0))
        #expect(!queue.enableNotifications())
        #expect(try driver.usedFlags() == 0)
        try driver.send([driver.buffer(room: 1)])
        #expect(queue.enableNotifications())
    }

    @Test("with the event index the device asks for the doorbell of the next chain", arguments: [0, 65535] as [UInt16])
    func doorbellEvent(_ first: UInt16) throws {
        let driver = try DriverQueue(size: 8, firstIndex: first)
        let queue = try restored(driver, at: first)
        #expect(!queue.enableNotifications())
        #expect(try driver.availableEvent() == first)
        try driver.send([driver.buffer(room: 1)])
        #expect(try driver.mustRing(since: first))
        #expect(queue.enableNotifications())
        _ = try queue.pop()
        queue.disableNotifications()
        try driver.send([driver.buffer(room: 1)])
        #expect(try !driver.mustRing(since: first &+ 1))
        #expect(queue.enableNotifications())
        _ = try queue.pop()
        #expect(!queue.enableNotifications())
        #expect(try driver.usedFlags() == 0)
    }

    @Test(
        "a wish about doorbells is a write of the device, and its page is marked where memory keeps track",
        arguments: [RingFormat.split, .packed], [true, false])
    func marked(_ format: RingFormat, _ hasEventIndex: Bool) throws {
        var options = MappingOptions()
        options.dirtyPageByteCount = 4096
        let range = try #require(GuestRange(start: GuestAddress(0x1000), byteCount: 0x10000))
        let memory = try GuestMemory(regions: [.anonymous(range, options: options)])
        let bitmap = try #require(memory.regions.first?.dirtyBitmap)
        let features: VirtioFeatures = hasEventIndex ? [.version1, .eventIndex] : [.version1]
        let queue =
            switch format {
            case .split: try DriverQueue(memory: memory, size: 8, features: features).activate()
            case .packed:
                try PackedDriverQueue(memory: memory, size: 8, features: features.union(.packedRing)).activate()
            }
        bitmap.clearAll()
        #expect(!queue.enableNotifications())
        #expect(bitmap.isDirty(byteOffset: 0) && bitmap.dirtyPageCount == 1)
        bitmap.clearAll()
        queue.disableNotifications()
        // With the event index a split ring leaves the old event behind, and writes nothing.
        #expect(bitmap.isDirty(byteOffset: 0) == (format == .packed || !hasEventIndex))
    }
}
