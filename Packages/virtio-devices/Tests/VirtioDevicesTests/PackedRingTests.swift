// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport

/// Devices do not know the format of their rings: what they do with packed ones (virtio 1.2, 2.8).
@Suite struct PackedRingTests {
    @Test("packed rings are offered only where the transport's user asks for them")
    func offer() throws {
        let devices: [() -> any VirtioDevice] = [
            { EntropyDevice() }, { BlockDevice(disk: MemoryDisk(sectors: 8)) },
            { ConsoleDevice(ports: [ConsolePort(input: nil, output: nil)]) },
        ]
        for device in devices {
            let split = try MMIODriver(device())
            #expect(!split.offeredFeatures.contains(.packedRing))
            #expect(!split.negotiate([.version1, .packedRing]))
            let both = try MMIODriver(device(), offersPackedRings: true)
            #expect(both.offeredFeatures == split.offeredFeatures.union(.packedRing))
            #expect(both.negotiate([.version1, .packedRing]))
            #expect(both.negotiate([.version1]))
        }
    }

    @Test("a drive is written and read through a packed ring of any size, over its end again and again")
    func block() throws {
        let driver = try MMIODriver(BlockDevice(disk: MemoryDisk(sectors: 8)), offersPackedRings: true)
        let queue = try #require(try driver.startPacked(size: 7).first)
        func request(_ kind: UInt32, _ sector: UInt64, _ data: DriverQueue.Buffer) throws -> UInt8 {
            let status = queue.buffer(room: 1)
            let header = try queue.buffer(of: BlockRig.header(kind, sector: sector))
            let id = try queue.send([header, data, status])
            driver.notify(0)
            let used = try #require(try queue.takeUsed())
            #expect(used.id == id && used.written == (kind == 0 ? 513 : 1))
            return try queue.bytes(of: status)[0]
        }
        for round in 0..<20 as Range<UInt64> {
            let written = [UInt8](repeating: UInt8(round + 1), count: 512)
            #expect(try request(1, round % 8, queue.buffer(of: written)) == 0)
            let room = queue.buffer(room: 512)
            #expect(try request(0, round % 8, room) == 0)
            #expect(try queue.bytes(of: room) == written)
        }
        #expect(driver.takeInterrupts() == 1)
    }

    @Test("a console counts the chains before a close in a packed ring too, and loses none of them")
    func closesInOrder() throws {
        let log = EventLog()
        let (host, writes) = try makePipe()
        let output = try HostDescriptor(adopting: writes.take(), for: .output)
        let port = ConsolePort(name: nil, input: nil, output: output) { log.events.append($0) }
        let driver = try MMIODriver(ConsoleDevice(ports: [port], queueSize: 16), offersPackedRings: true)
        let queues = try driver.startPacked(size: 11)
        func say(_ event: UInt8, _ value: UInt8) throws {
            try queues[3].send([try queues[3].buffer(of: [0, 0, 0, 0, event, 0, value, 0])])
            driver.notify(3)
            while try queues[3].takeUsed() != nil {}
        }
        try say(3, 1)
        try say(6, 1)
        var sent: [UInt8] = []
        var count = 0
        for round in 0..<20 as Range<UInt8> {
            // Chains of one, two and three descriptors, whose doorbell comes after the close.
            for length in 1...3 as ClosedRange<UInt8> {
                let parts = (0..<length).map { [round, length, $0] }
                try queues[1].send(try parts.map { try queues[1].buffer(of: $0) })
                sent += parts.joined()
                count += 1
            }
            try say(6, 0)
            try say(6, 1)
            #expect(log.events.suffix(3) == [.guestOpened, .guestClosed, .guestOpened])
            while try queues[1].takeUsed() != nil { count -= 1 }
            #expect(count == 0)
        }
        #expect(host.readAll() == sent)
    }

    @Test("a reset of the device begins its packed rings anew")
    func reset() throws {
        let driver = try MMIODriver(EntropyDevice(), offersPackedRings: true)
        for _ in 0..<3 {
            let queue = try #require(try driver.startPacked(size: 5).first)
            for _ in 0..<7 {
                try queue.send([queue.buffer(room: 3), queue.buffer(room: 4)])
                driver.notify(0)
                #expect(try queue.takeUsed()?.written == 7)
            }
        }
    }
}
