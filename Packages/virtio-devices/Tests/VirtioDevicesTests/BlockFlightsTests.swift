// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport

/// Block devices with several requests in flight.
@Suite struct BlockFlightsTests {
    private func makeDisk(sectors: UInt64, transfersMax: Int = 64) throws -> RingDisk {
        let file = try FileDescriptor.temporaryFile()
        try file.setByteCount(sectors * 512)
        return try RingDisk(FileDisk(adopting: file, isReadOnly: false), transfersMax: transfersMax)
    }

    /// Offers a read of one sector.
    private func offerRead(_ rig: BlockRig, sector: UInt64 = 0) throws -> (head: UInt32, data: DriverQueue.Buffer) {
        let data = rig.queue.buffer(room: 512)
        let header = try rig.queue.buffer(of: BlockRig.header(0, sector: sector))
        let head = try #require(try rig.queue.send([header, data, rig.queue.buffer(room: 1)]))
        return (UInt32(head), data)
    }

    private func sector(_ byte: UInt8) -> [UInt8] { [UInt8](repeating: byte, count: 512) }

    @Test("a request that is done first is answered first")
    func outOfOrder() throws {
        let fifo = try FIFO()
        let rig = try BlockRig(fifo.makeDisk())
        let reading = try offerRead(rig)
        rig.driver.notify(0)
        #expect(try rig.queue.takeUsed() == nil)
        #expect(try rig.request(8, room: 20).status == 0)
        // The write is what the read waits for.
        #expect(try rig.request(1, data: sector(2)) == .init(status: 0, written: 1, data: []))
        #expect(try rig.takeUsed() == .init(head: reading.head, written: 513))
        #expect(try rig.queue.bytes(of: reading.data) == sector(2))
        #expect(rig.device.counters.reads == 1 && rig.device.counters.writes == 1)
    }

    @Test("a reset waits for what is in flight; nothing is answered or written afterwards, and the next start works")
    func reset() throws {
        let fifo = try FIFO()
        var rig = try BlockRig(fifo.makeDisk())
        let reads = try [offerRead(rig), offerRead(rig), offerRead(rig)]
        rig.driver.notify(0)
        try fifo.writeSoon(sector(1) + sector(2) + sector(3))
        rig.driver.status = 0
        // All of it came before the reset returned.
        let first = try reads.map { try rig.queue.bytes(of: $0.data)[0] }
        #expect(Set(first) == [1, 2, 3])
        #expect(try rig.queue.takeUsed() == nil)
        #expect(!rig.driver.turn(milliseconds: 0))
        try rig.driver.start()
        rig.queue = try #require(rig.driver.queue(0))
        try fifo.write(sector(4))
        #expect(try rig.request(0, room: 512) == .init(status: 0, written: 513, data: sector(4)))
    }

    @Test("a device that is dropped waits for what is in flight")
    func drops() throws {
        let fifo = try FIFO()
        let memory: GuestMemory
        let data: DriverQueue.Buffer
        do {
            let rig = try BlockRig(fifo.makeDisk())
            memory = rig.driver.memory
            data = try offerRead(rig).data
            rig.driver.notify(0)
            try fifo.writeSoon(sector(9))
        }
        var bytes = sector(0)
        try bytes.withUnsafeMutableBytes { try memory.read(at: data.address, into: $0) }
        #expect(bytes == sector(9))
    }

    @Test("another disk is put in when what was begun is answered, and what waited for room goes on with it")
    func replaces() throws {
        for isRing in [true, false] {
            let fifo = try FIFO()
            let rig = try BlockRig(fifo.makeDisk(transfersMax: 2))
            let heads = try (0..<5).map { _ in try offerRead(rig).head }
            rig.driver.notify(0)
            #expect(try rig.queue.takeUsed() == nil)
            try fifo.writeSoon(sector(1) + sector(2))
            rig.device.replaceDisk(isRing ? try makeDisk(sectors: 8) : MemoryDisk(sectors: 8))
            #expect(rig.driver.config(0..<1) == [8])
            var answered: Set<UInt32> = []
            for _ in heads { answered.insert(try #require(try rig.takeUsed()).head) }
            #expect(answered == Set(heads))
            #expect(try rig.request(0, sector: 8, room: 512).status == 1)
            #expect(try rig.request(0, sector: 7, room: 512).status == 0)
            #expect(rig.driver.turn(milliseconds: 0) == isRing)
        }
    }

    @Test("more requests than can be in flight wait in the ring, and all are answered", arguments: [1, 3, 64])
    func starved(_ transfersMax: Int) throws {
        let rig = try BlockRig(makeDisk(sectors: 64, transfersMax: transfersMax))
        for round in 0..<10 {
            rig.queue.resetHeap(to: GuestAddress(0x20_0000))
            var open: Set<UInt32> = []
            for number in 0..<80 as Range<UInt64> { open.insert(try offerRead(rig, sector: number % 64).head) }
            rig.driver.notify(0)
            for _ in 0..<80 {
                let used = try #require(try rig.takeUsed(), "round \(round): \(open.count) are not answered")
                #expect(open.remove(used.head) != nil && used.written == 513)
            }
        }
        #expect(rig.device.counters.reads == 800)
    }

    @Test("one turn is bounded in requests and bytes; what is left is served in the next")
    func bounded() throws {
        let device = BlockDevice(disk: try makeDisk(sectors: 16384))
        let executor = ManualExecutor()
        let driver = try MMIODriver(device, executor: executor)
        try driver.start()
        executor.run()
        let queue = try #require(driver.queue(0))
        let header = try queue.buffer(of: BlockRig.header(0, sector: 0))
        let big = DriverQueue.Buffer(GuestAddress(0x80_0000), 4 << 20, isWritable: true)
        let status = queue.buffer(room: 1)
        for _ in 0..<8 { _ = try queue.add([header, big, status]) }
        for _ in 0..<70 { _ = try queue.add([header, queue.buffer(room: 512), status]) }
        try queue.publish()
        driver.notify(0)
        // Two requests of 4 MiB are a turn.
        #expect(executor.runOne() && executor.count == 1)
        var turns = 1
        var used = 0
        while used < 78, turns < 1000 {
            if executor.runOne() { turns += 1 } else { driver.turn(milliseconds: 10) }
            while try queue.takeUsed() != nil { used += 1 }
        }
        #expect(used == 78)
        #expect(turns >= 5)
    }

    @Test("limits hold: what exceeds them stays in the ring until its time")
    func limits() throws {
        let timer = ManualTimer()
        let rate = try #require(TokenRate(size: 4, refillMilliseconds: 100))
        let throttle = Throttle(RateLimits(bandwidth: nil, operations: rate), timer: timer)
        let driver = try MMIODriver(BlockDevice(disk: try makeDisk(sectors: 8), throttle: throttle))
        try driver.start()
        let queue = try #require(driver.queue(0))
        for _ in 0..<6 {
            let header = try queue.buffer(of: BlockRig.header(0, sector: 0))
            try queue.send([header, queue.buffer(room: 512), queue.buffer(room: 1)])
        }
        driver.notify(0)
        func taken(_ wanted: Int) throws -> Int {
            var count = 0
            for _ in 0..<100 where count < wanted {
                driver.turn(milliseconds: 10)
                while try queue.takeUsed() != nil { count += 1 }
            }
            driver.turn(milliseconds: 0)
            while try queue.takeUsed() != nil { count += 1 }
            return count
        }
        #expect(try taken(4) == 4)
        driver.notify(0)
        #expect(try taken(0) == 0)
        timer.advance(to: 100_000_000)
        #expect(try taken(2) == 2)
    }

    @Test("a malformed or unsupported request is answered beside those in flight, and a broken ring ends none of them")
    func hostile() throws {
        let fifo = try FIFO()
        let rig = try BlockRig(fifo.makeDisk())
        let reading = try offerRead(rig)
        rig.driver.notify(0)
        #expect(try rig.request(0, sector: 1 << 40, room: 512).status == 1)
        #expect(try rig.request(77).status == 2)
        try rig.queue.setAvailableIndex(rig.queue.availableIndex &+ 300)
        rig.driver.notify(0)
        #expect(rig.driver.status == 0x4f)
        try fifo.write(sector(1))
        #expect(try rig.takeUsed()?.head == reading.head)
        try rig.driver.start()
        #expect(rig.driver.status == 0xf)
    }

    @Test("the device obeys the laws of devices with a ring too", arguments: [1, 64])
    func laws(_ transfersMax: Int) throws {
        #expect(
            try checkVirtioDevice {
                let disk = try? makeDisk(sectors: 64, transfersMax: transfersMax)
                return BlockDevice(disk: disk)
            } == [])
    }

    @Test("a drive is written and read through a packed ring, with requests answered in any order")
    func packed() throws {
        let driver = try MMIODriver(BlockDevice(disk: try makeDisk(sectors: 64)), offersPackedRings: true)
        let queue = try #require(try driver.startPacked(size: 13).first)
        for round in 0..<50 as Range<UInt64> {
            queue.resetHeap(to: GuestAddress(0x20_0000))
            let kind: UInt32 = round % 2 == 0 ? 1 : 0
            var rooms: [DriverQueue.Buffer] = []
            for number in 0..<4 as Range<UInt64> {
                let content = [UInt8](repeating: UInt8(round / 2 * 4 + number), count: 512)
                let data = kind == 1 ? try queue.buffer(of: content) : queue.buffer(room: 512)
                rooms.append(data)
                let header = try queue.buffer(of: BlockRig.header(kind, sector: round / 2 % 16 * 4 + number))
                _ = try queue.send([header, data, queue.buffer(room: 1)])
            }
            driver.notify(0)
            for _ in 0..<4 {
                var used = try queue.takeUsed()
                for _ in 0..<100 where used == nil {
                    driver.turn(milliseconds: 10)
                    used = try queue.takeUsed()
                }
                #expect(try #require(used).written == (kind == 0 ? 513 : 1))
            }
            guard kind == 0 else { continue }
            for number in 0..<4 {
                #expect(try queue.bytes(of: rooms[number])[0] == UInt8(round / 2 * 4) + UInt8(number))
            }
        }
    }
}
