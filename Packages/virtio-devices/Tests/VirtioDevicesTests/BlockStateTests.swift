// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport

/// Block devices that are saved at work and go on elsewhere.
@Suite struct BlockStateTests {
    private typealias Failure = MMIORestoreError<BlockStateError>

    private func sector(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 512) }

    /// A file of 64 sectors, each filled with its number.
    private func makeFile() throws -> FileDisk {
        let file = try FileDescriptor.temporaryFile()
        let bytes = (0..<64 as Range<UInt8>).flatMap { sector($0) }
        try bytes.withUnsafeBytes { try file.writeAll(from: $0) }
        return try FileDisk(adopting: file, isReadOnly: false)
    }

    private func offerReads(_ queue: DriverQueue, _ sectors: Range<UInt64>) throws -> [UInt32: (
        UInt64, DriverQueue.Buffer
    )] {
        var open: [UInt32: (UInt64, DriverQueue.Buffer)] = [:]
        for sector in sectors {
            let data = queue.buffer(room: 512)
            let header = try queue.buffer(of: BlockRig.header(0, sector: sector))
            open[UInt32(try #require(try queue.send([header, data, queue.buffer(room: 1)])))] = (sector, data)
        }
        return open
    }

    @Test(
        "requests that were in the ring, in flight or answered when the device was saved are each answered once",
        arguments: [1, 3, 64, nil] as [Int?])
    func onceEach(_ transfersMax: Int?) throws {
        func makeDisk() throws -> any Disk {
            guard let transfersMax else { return try makeFile() }
            return try RingDisk(makeFile(), transfersMax: transfersMax)
        }
        var device = BlockDevice(disk: try makeDisk())
        var driver = try MMIODriver(device)
        try driver.start()
        let queue = try #require(driver.queue(0))
        var answered = 0
        for round in 0..<5 as Range<UInt64> {
            queue.resetHeap(to: GuestAddress(0x20_0000))
            var open = try offerReads(queue, 0..<20)
            driver.notify(0)
            driver.transport.pause()
            // What comes while the machine stands still, with a doorbell that nobody hears.
            try open.merge(offerReads(queue, 20..<25)) { later, _ in later }
            driver.notify(0)
            let fresh = BlockDevice(disk: try makeDisk())
            driver = try driver.move(from: device, to: fresh)
            device = fresh
            for _ in 0..<1000 where !open.isEmpty {
                while let used = try queue.takeUsed() {
                    let known = open.removeValue(forKey: used.head)
                    let (sector, data) = try #require(known, "answered twice")
                    #expect(used.written == 513)
                    #expect(try queue.bytes(of: data) == self.sector(UInt8(sector)))
                    answered += 1
                }
                driver.turn(milliseconds: 10)
            }
            #expect(open.isEmpty, "round \(round): lost")
        }
        #expect(answered == 125)
        #expect(try queue.takeUsed() == nil)
    }

    @Test("a pause waits for what is in flight and answers it; then the queue stands still until the device goes on")
    func pause() throws {
        let fifo = try FIFO()
        let rig = try BlockRig(fifo.makeDisk())
        let open = try offerReads(rig.queue, 0..<2)
        rig.driver.notify(0)
        #expect(try rig.queue.takeUsed() == nil)
        try fifo.writeSoon(sector(1) + sector(2))
        rig.driver.transport.pause()
        #expect(open.keys.contains(try #require(try rig.queue.takeUsed()).head))
        #expect(open.keys.contains(try #require(try rig.queue.takeUsed()).head))
        #expect(!rig.driver.turn(milliseconds: 0))
        let edges = rig.driver.line.count
        let later = try offerReads(rig.queue, 2..<3)
        try fifo.write(sector(3))
        rig.driver.notify(0)
        rig.driver.transport.serveQueue(0)
        #expect(try rig.queue.takeUsed() == nil)
        #expect(rig.driver.line.count == edges)
        rig.driver.transport.resume()
        #expect(try rig.takeUsed()?.head == later.keys.first)
    }

    @Test("a disk that is replaced while the machine stands still is the one that goes on")
    func replacedWhilePaused() throws {
        let rig = try BlockRig(RingDisk(makeFile()))
        rig.driver.transport.pause()
        let open = try offerReads(rig.queue, 0..<1)
        rig.device.replaceDisk(MemoryDisk(sectors: 64))
        #expect(try rig.queue.takeUsed() == nil)
        rig.driver.transport.resume()
        #expect(try rig.queue.takeUsed()?.head == open.keys.first)
        #expect(!rig.driver.turn(milliseconds: 0))
    }

    @Test("a device that is reset, or taken away, while it stands still works again")
    func resetWhilePaused() throws {
        var rig = try BlockRig(MemoryDisk(sectors: 8))
        rig.driver.transport.pause()
        rig.driver.transport.shutDown()
        try rig.driver.start()
        rig.queue = try #require(rig.driver.queue(0))
        #expect(try rig.request(0, room: 512).status == 0)
    }

    @Test("what a rate limiter has left is saved; the time in between fills nothing")
    func buckets() throws {
        let rate = try #require(TokenRate(size: 4, refillMilliseconds: 100, oneTimeBurst: 2))
        func make(_ timer: ManualTimer) throws -> BlockDevice {
            let throttle = Throttle(RateLimits(operations: rate), timer: timer)
            return BlockDevice(disk: MemoryDisk(sectors: 8), throttle: throttle)
        }
        let device = try make(ManualTimer(now: 1))
        let driver = try MMIODriver(device)
        try driver.start()
        let queue = try #require(driver.queue(0))
        var open = try offerReads(queue, 0..<8)
        driver.notify(0)
        func take() throws {
            while let used = try queue.takeUsed() {
                let known = open.removeValue(forKey: used.head)
                #expect(known != nil)
            }
        }
        try take()
        #expect(open.count == 2)
        let saved = driver.transport.save(device)
        #expect(saved.device.throttle.operations == TokenBucketState(rate: rate, tokens: 0, burst: 0, debt: 0))
        let timer = ManualTimer(now: 1 << 40)
        let next = try driver.move(from: device, to: make(timer))
        try take()
        #expect(open.count == 2)
        timer.advance(to: (1 << 40) + 50_000_000)
        try take()
        #expect(open.isEmpty)
        #expect(next.status == 0xf)
    }

    /// A device that has begun, its driver, and one to go on.
    private func saved(
        changing change: (inout SavedMMIODevice<BlockState>) -> Void, into fresh: BlockDevice? = nil
    ) throws -> Failure? {
        let device = BlockDevice(disk: MemoryDisk(sectors: 8))
        let driver = try MMIODriver(device)
        try driver.start()
        let fresh = fresh ?? BlockDevice(disk: MemoryDisk(sectors: 8))
        do {
            _ = try driver.move(from: device, to: fresh, changing: change)
            return nil
        } catch let error as Failure {
            // Nothing of it is left: a driver can start.
            let other = try MMIODriver(BlockDevice(disk: MemoryDisk(sectors: 8)))
            try other.start()
            #expect(other.status == 0xf)
            return error
        }
    }

    @Test("a state of another disk, other limits or an impossible queue is a typed error")
    func refused() throws {
        let rate = try #require(TokenRate(size: 4, refillMilliseconds: 100))
        let limited = Throttle(RateLimits(operations: rate), timer: ManualTimer())
        #expect(try saved { _ in } == nil)
        #expect(
            try saved(changing: { _ in }, into: BlockDevice(disk: MemoryDisk(sectors: 9)))
                == .device(.capacity(savedSectors: 8, sectors: 9)))
        #expect(
            try saved(changing: { _ in }, into: BlockDevice(disk: MemoryDisk(sectors: 8), throttle: limited))
                == .device(.throttle(.limits(saved: RateLimits(), RateLimits(operations: rate)))))
        let full = TokenBucketState(rate: rate, tokens: 4, burst: 0, debt: 0)
        #expect(
            try saved { $0.device.throttle.bandwidth = full }
                == .device(.throttle(.limits(saved: RateLimits(bandwidth: rate), RateLimits()))))
        for bad in [
            TokenBucketState(rate: rate, tokens: 5, burst: 0, debt: 0),
            TokenBucketState(rate: rate, tokens: .max, burst: 0, debt: 0),
            TokenBucketState(rate: rate, tokens: 0, burst: 1, debt: 0),
            TokenBucketState(rate: rate, tokens: 1, burst: 0, debt: 1),
        ] {
            let fresh = BlockDevice(disk: MemoryDisk(sectors: 8), throttle: limited)
            #expect(
                try saved(changing: { $0.device.throttle.operations = bad }, into: fresh)
                    == .device(.throttle(.tokens(bad))))
        }
        #expect(
            try saved { $0.device.queues?[0]?.inFlight = 1 } == .device(.queue(.inFlight(index: 0, 1))))
        #expect(
            try saved { $0.device.queues?[0]?.nextUsed = 1 }
                == .device(
                    .queue(
                        .queue(
                            index: 0, .state(.indices(nextAvailable: 0, nextUsed: 1, inFlight: 0))))))
        #expect(
            try saved { $0.device.queues?[0]?.format = .packed }
                == .device(.queue(.queue(index: 0, .state(.format(.packed))))))
    }

    @Test("a queue that both sides of a state move or enlarge is checked against the memory and the device")
    func bothSides() throws {
        func change(_ body: @escaping (inout QueueConfiguration) -> Void) throws -> Failure? {
            try saved {
                body(&$0.registers.queues[0])
                $0.device.queues?[0]?.configuration = $0.registers.queues[0]
            }
        }
        let outside = GuestAddress(0xf_0000_0000)
        #expect(
            try change { $0.descriptorTable = outside }
                == .device(.queue(.queue(index: 0, .unmapped(.descriptorTable, outside, byteCount: 4096)))))
        #expect(
            try change { $0.usedRing = GuestAddress(0x10_0001) }
                == .device(.queue(.queue(index: 0, .misaligned(.usedRing, GuestAddress(0x10_0001))))))
        #expect(try change { $0.size = 512 } == .device(.queue(.size(index: 0, 512, maximum: 256))))
        #expect(
            try change { $0.size = 100 } == .device(.queue(.queue(index: 0, .size(100, maximum: 256)))))
        #expect(try change { $0.size = 0 } == .device(.queue(.queue(index: 0, .size(0, maximum: 256)))))
        #expect(try change { $0.isReady = false } == .device(.queue(.queue(index: 0, .notReady))))
        var larger = QueueConfiguration(maximumSize: 512)
        larger.isReady = true
        #expect(try change { $0 = larger } == .registers(.queue(index: 0)))
    }

    @Test("a ring that the driver had broken is broken after a restore, and a reset mends it")
    func broken() throws {
        let device = BlockDevice(disk: MemoryDisk(sectors: 8))
        let driver = try MMIODriver(device)
        try driver.start()
        try #require(driver.queue(0)).setAvailableIndex(300)
        driver.notify(0)
        #expect(driver.status == 0x4f)
        let next = try driver.move(from: device, to: BlockDevice(disk: MemoryDisk(sectors: 8)))
        #expect(next.status == 0x4f)
        try next.start()
        #expect(next.status == 0xf)
    }

    @Test("a device in use, or that nobody attached, takes no state")
    func notIdle() throws {
        let rig = try BlockRig(MemoryDisk(sectors: 8))
        let saved = rig.driver.transport.save(rig.device)
        #expect(throws: Failure.registers(.notIdle)) { try rig.driver.transport.restore(saved, into: rig.device) }
        let other = BlockDevice(disk: MemoryDisk(sectors: 8))
        #expect(throws: Failure.registers(.otherDevice)) { try rig.driver.transport.restore(saved, into: other) }
        #expect(throws: BlockStateError.notIdle) {
            try other.restore(
                saved.device, memory: rig.driver.memory, features: .version1, interrupt: RecordingInterrupt())
        }
        #expect(try rig.request(0, room: 512).status == 0)
    }
}
