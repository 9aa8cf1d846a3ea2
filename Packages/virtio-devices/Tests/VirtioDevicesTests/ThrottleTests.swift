// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil
import VMMemory
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport

@Suite struct ThrottleTests {
    private static let millisecond: UInt64 = 1_000_000

    /// A limited entropy device: each request asks for 100 bytes.
    private struct Rig {
        let timer = ManualTimer(now: 1)
        let throttle: Throttle
        let device: EntropyDevice
        let driver: MMIODriver

        init(bandwidth: TokenRate? = nil, operations: TokenRate? = nil) throws {
            throttle = Throttle(RateLimits(bandwidth: bandwidth, operations: operations), timer: timer)
            device = EntropyDevice(throttle: throttle)
            driver = try MMIODriver(device)
            try driver.start()
        }

        func send(_ count: Int, room: UInt32 = 100) throws {
            let queue = try #require(driver.queue(0))
            for _ in 0..<count { try queue.send([queue.buffer(room: room)]) }
        }
        /// How many came back.
        func takeAll() throws -> Int {
            let queue = try #require(driver.queue(0))
            var count = 0
            while try queue.takeUsed() != nil { count += 1 }
            return count
        }
    }

    private func rate(_ size: UInt64, _ milliseconds: UInt64, burst: UInt64 = 0) throws -> TokenRate {
        try #require(TokenRate(size: size, refillMilliseconds: milliseconds, oneTimeBurst: burst))
    }

    @Test("a queue that was stopped goes on at the time of the next token, without a doorbell or a turn in between")
    func resumes() throws {
        let rig = try Rig(operations: try rate(2, 100))
        try rig.send(6)
        rig.driver.notify(0)
        #expect(try rig.takeAll() == 2)
        #expect(rig.timer.alarm == 1 + 50 * Self.millisecond)
        rig.timer.advance(to: 50 * Self.millisecond)
        #expect(try rig.takeAll() == 0)
        _ = rig.driver.takeInterrupts()
        try #require(rig.driver.queue(0)).setUsedEvent(2)
        rig.timer.advance(to: 1 + 50 * Self.millisecond)
        #expect(try rig.takeAll() == 1)
        #expect(rig.driver.takeInterrupts() == 1)
        rig.timer.advance(to: 1000 * Self.millisecond)
        #expect(try rig.takeAll() == 3)
        #expect(rig.timer.alarmCount == 4)
        #expect(rig.timer.alarm == nil)
    }

    @Test("doorbells do not hasten a stopped queue, and one rung meanwhile is not lost")
    func doorbells() throws {
        let rig = try Rig(bandwidth: try rate(100, 100))
        try rig.send(1)
        rig.driver.notify(0)
        for _ in 0..<5 {
            try rig.send(1)
            for _ in 0..<100 { rig.driver.notify(0) }
        }
        #expect(try rig.takeAll() == 1)
        rig.timer.advance(to: 1 + 500 * Self.millisecond)
        #expect(try rig.takeAll() == 5)
        // Idle again: the device asks for the doorbell, and it works as ever.
        rig.timer.advance(to: 1000 * Self.millisecond)
        try rig.send(1)
        #expect(try #require(rig.driver.queue(0)).mustRing(since: 6))
        rig.driver.notify(0)
        #expect(try rig.takeAll() == 1)
    }

    @Test("a doorbell at the due time, before the alarm, serves once")
    func doorbellBeforeAlarm() throws {
        let rig = try Rig(operations: try rate(1, 100))
        try rig.send(2)
        rig.driver.notify(0)
        #expect(try rig.takeAll() == 1)
        rig.throttle.update(bandwidth: .keep, operations: .replace(try rate(1, 100)))
        rig.driver.notify(0)
        #expect(try rig.takeAll() == 1)
        #expect(rig.timer.alarm == nil)
        #expect(rig.timer.alarmCount == 0)
    }

    @Test("a request larger than the bucket passes, and the next one when it is paid")
    func overConsumption() throws {
        let rig = try Rig(bandwidth: try rate(100, 100))
        try rig.send(2, room: 1000)
        rig.driver.notify(0)
        #expect(try rig.takeAll() == 1)
        #expect(rig.timer.alarm == 1 + 900 * Self.millisecond)
        rig.timer.advance(to: 1 + 900 * Self.millisecond)
        #expect(try rig.takeAll() == 1)
    }

    @Test(
        "a driver that rings only when it has to gets every buffer back, and never more than the rate allows",
        arguments: 1...100 as ClosedRange<UInt64>)
    func lawfulDriver(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let bytes = try rate(.random(in: 1...2000, using: &random), 10, burst: .random(in: 0...500, using: &random))
        let requests = try rate(.random(in: 1...20, using: &random), 10)
        let rig = try Rig(bandwidth: bytes, operations: requests)
        let queue = try #require(rig.driver.queue(0))
        var (sent, back) = (0, 0)
        for step in 0..<300 {
            for _ in 0..<Int.random(in: 0...3, using: &random) where sent - back < 60 {
                try queue.send([queue.buffer(room: 100)])
                sent += 1
                if try queue.mustRing(since: UInt16(truncatingIfNeeded: sent - 1)) { rig.driver.notify(0) }
            }
            rig.timer.advance(to: rig.timer.now + .random(in: 0...3_000_000, using: &random))
            back += try rig.takeAll()
            let time = rig.timer.now
            let allowed = requests.size + requests.size * time / (10 * Self.millisecond)
            try #require(UInt64(back) <= allowed, "seed \(seed) step \(step)")
            // The last request may be larger than what is left, if it is larger than the bucket.
            let allowedBytes = bytes.oneTimeBurst + bytes.size + bytes.size * time / (10 * Self.millisecond) + 100
            try #require(UInt64(back) * 100 <= allowedBytes, "seed \(seed) step \(step)")
        }
        rig.timer.advance(to: rig.timer.now + 1_000_000 * Self.millisecond)
        back += try rig.takeAll()
        #expect(back == sent, "seed \(seed)")
        #expect(rig.timer.alarmCount <= sent, "seed \(seed)")
    }

    @Test("a change lifts a limit for what waits; one that is kept goes on with what is left")
    func update() throws {
        let rig = try Rig(bandwidth: try rate(100, 1_000_000), operations: try rate(4, 1_000_000))
        try rig.send(6)
        rig.driver.notify(0)
        #expect(try rig.takeAll() == 1)
        rig.throttle.update(bandwidth: .replace(nil), operations: .keep)
        rig.timer.advance(to: rig.timer.now)
        #expect(try rig.takeAll() == 3)
        rig.throttle.update(bandwidth: .keep, operations: .replace(nil))
        rig.timer.advance(to: rig.timer.now)
        #expect(try rig.takeAll() == 2)
        #expect(rig.timer.alarm == nil)
    }

    @Test("a reset forgets the wait and the alarm, but fills no bucket")
    func reset() throws {
        let rig = try Rig(operations: try rate(2, 100))
        try rig.send(3)
        rig.driver.notify(0)
        #expect(rig.timer.alarm != nil)
        rig.driver.status = 0
        #expect(rig.timer.alarm == nil)
        #expect(!rig.timer.isWatched)
        rig.timer.advance(to: 1 + 50 * Self.millisecond)
        try rig.driver.start()
        try rig.send(3)
        rig.driver.notify(0)
        #expect(try rig.takeAll() == 1)
        rig.timer.advance(to: 1 + 150 * Self.millisecond)
        #expect(try rig.takeAll() == 2)
    }

    @Test("a turn that ends before its queue does goes on after an alarm at once")
    func turns() throws {
        let rig = try Rig(operations: try rate(1, 100))
        try rig.send(60)
        rig.driver.notify(0)
        #expect(try rig.takeAll() == 1)
        rig.throttle.update(bandwidth: .keep, operations: .replace(nil))
        rig.timer.advance(to: rig.timer.now)
        #expect(try rig.takeAll() == 59)
        #expect(rig.timer.alarmCount == 4)
    }

    @Test("a broken ring ends the wait")
    func brokenRing() throws {
        let rig = try Rig(operations: try rate(1, 100))
        try rig.send(2)
        rig.driver.notify(0)
        #expect(rig.timer.alarm != nil)
        let queue = try #require(rig.driver.queue(0))
        // More available than the queue has.
        try rig.driver.memory.store(
            UInt16(0x7000), at: try #require(queue.configuration[.availableRing].adding(2)))
        rig.timer.advance(to: 1 + 100 * Self.millisecond)
        #expect(rig.driver.status & 0x40 != 0)
        #expect(rig.timer.alarm == nil)
    }

    @Test("a drive's bytes are those of reads and writes; everything is an operation")
    func block() throws {
        let timer = ManualTimer()
        let throttle = Throttle(
            RateLimits(bandwidth: try rate(1024, 100), operations: try rate(100, 1000)), timer: timer)
        let device = BlockDevice(disk: MemoryDisk(sectors: 64), throttle: throttle)
        let driver = try MMIODriver(device)
        try driver.start()
        let queue = try #require(driver.queue(0))
        func send(_ type: UInt32, _ room: UInt32) throws {
            let header = try queue.buffer(of: BlockRig.header(type, sector: 0))
            try queue.send([header] + (room > 0 ? [queue.buffer(room: room)] : []) + [queue.buffer(room: 1)])
        }
        func taken() throws -> Int {
            var count = 0
            while try queue.takeUsed() != nil { count += 1 }
            return count
        }
        try send(0, 512)
        for _ in 0..<3 { try send(8, 20) }
        try send(99, 0)
        try send(0, 512)
        try send(4, 0)
        try send(0, 1024)
        driver.notify(0)
        #expect(try taken() == 7)
        #expect(device.counters.reads == 2)
        #expect(timer.alarm == 100 * Self.millisecond)
        timer.advance(to: 100 * Self.millisecond)
        #expect(try taken() == 1)
        #expect(device.counters.readBytes == 2048)
        // 7 were used at first, 10 came in the 100 ms until the last: so it is full again, and the last took one.
        throttle.update(bandwidth: .replace(nil), operations: .keep)
        var count = 0
        for _ in 0..<10 {
            for _ in 0..<20 { try send(4, 0) }
            driver.notify(0)
            count += try taken()
        }
        #expect(count == 99)
    }

    @Test("a drive's zeroes are bytes if they had to be written, or may have been before it failed")
    func zeroes() throws {
        let file = try FileDescriptor.temporaryFile()
        try file.setByteCount(4096)
        let failing = FlakyDisk(MemoryDisk(sectors: 8))
        failing.failsCommands = true
        let disks: [(disk: any Disk, waits: Bool)] = [
            (MemoryDisk(sectors: 8), true), (failing, true), (try FileDisk(adopting: file, isReadOnly: false), false),
        ]
        for (disk, waits) in disks {
            let timer = ManualTimer()
            let throttle = Throttle(RateLimits(bandwidth: try rate(1024, 100)), timer: timer)
            let driver = try MMIODriver(BlockDevice(disk: disk, throttle: throttle))
            try driver.start()
            let queue = try #require(driver.queue(0))
            // Four sectors, whose room may be freed; then a read of one.
            let segment: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 0, 0, 1, 0, 0, 0]
            try queue.send([queue.buffer(of: BlockRig.header(13, sector: 0) + segment), queue.buffer(room: 1)])
            try queue.send([
                queue.buffer(of: BlockRig.header(0, sector: 0)), queue.buffer(room: 512), queue.buffer(room: 1),
            ])
            driver.notify(0)
            #expect(try queue.takeUsed() != nil)
            // 1,024 bytes are owed, then 512 must gather.
            #expect(timer.alarm == (waits ? 150 * Self.millisecond : nil))
            #expect(try (queue.takeUsed() == nil) == waits)
        }
    }

    @Test("the host's timer calls at the time, once, and not after it was turned off")
    func realTimer() throws {
        let events = PollRegistry()
        let timer = try MonotonicTimer()
        var calls = 0
        let source = try timer.watch(with: events) { calls += 1 }
        let due = timer.now + 20 * Self.millisecond
        timer.set(due)
        #expect(events.poll(milliseconds: 5000))
        #expect(timer.now >= due)
        #expect(calls == 1)
        #expect(!events.poll(milliseconds: 0))
        timer.set(1)
        #expect(events.poll(milliseconds: 5000))
        #expect(calls == 2)
        // Seen by the loop, and turned off before the handler ran.
        timer.set(1)
        timer.set(nil)
        events.call()
        #expect(calls == 2)
        timer.set(.max)
        #expect(!events.poll(milliseconds: 20))
        source.remove()
    }
}

/// A loop of one descriptor.
private final class PollRegistry: EventRegistry {
    private var number: Int32 = -1
    private var handler: ((EventSet) -> Void)?

    private final class Source: EventSource {
        func setInterest(_ interest: EventSet) throws(Errno) {}
        func remove() {}
    }

    func watch(
        _ descriptor: borrowing FileDescriptor, for interest: EventSet, _ handler: @escaping (EventSet) -> Void
    ) throws(Errno) -> any EventSource {
        number = descriptor.rawValue
        self.handler = handler
        return Source()
    }

    func call() { handler?(.read) }

    func poll(milliseconds: Int32) -> Bool {
        var entry = pollfd(fd: number, events: Int16(POLLIN), revents: 0)
        guard Glibc.poll(&entry, 1, milliseconds) == 1 else { return false }
        call()
        return true
    }
}
