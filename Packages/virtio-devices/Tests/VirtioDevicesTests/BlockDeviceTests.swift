// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport

@Suite struct BlockDeviceTests {
    @Test("what was written is read back, and lies where the sector says")
    func readsWrites() throws {
        let disk = MemoryDisk(sectors: 8)
        let rig = try BlockRig(disk)
        let data = (0..<1024).map { UInt8(truncatingIfNeeded: $0 &* 7) }
        #expect(try rig.request(1, sector: 2, data: data) == .init(status: 0, written: 1, data: []))
        #expect(Array(disk.bytes[1024..<2048]) == data)
        #expect(try rig.request(0, sector: 2, room: 1024) == .init(status: 0, written: 1025, data: data))
        #expect(rig.driver.takeInterrupts() == 1)
        #expect(rig.device.counters.readBytes == 1024)
    }

    @Test("the capacity, limits and features are shown")
    func config() throws {
        let rig = try BlockRig(MemoryDisk(sectors: 0x1234))
        #expect(rig.driver.config(0..<8) == [0x34, 0x12, 0, 0, 0, 0, 0, 0])
        #expect(rig.driver.config(12..<16) == [254, 0, 0, 0])
        #expect(rig.driver.config(20..<24) == [0, 2, 0, 0])
        #expect(rig.driver.config(60..<64) == [0, 0, 0, 0])
        let bits = [2, 6, 9, 13, 14, 28, 29, 32, 40].reduce(VirtioFeatures()) { $0.union(.bit($1)) }
        #expect(rig.driver.offeredFeatures == bits)
        let readOnly = try BlockRig(MemoryDisk(sectors: 8, isReadOnly: true), options: BlockOptions(cache: .unsafe))
        let fewer = [2, 5, 6, 28, 29, 32, 40].reduce(VirtioFeatures()) { $0.union(.bit($1)) }
        #expect(readOnly.driver.offeredFeatures == fewer)
    }

    @Test("a request may be cut into any descriptors, header and status included")
    func anyFraming() throws {
        let disk = MemoryDisk(sectors: 4)
        let rig = try BlockRig(disk)
        let data = (0..<512).map { UInt8(truncatingIfNeeded: $0) }
        let message = BlockRig.header(1, sector: 1) + data
        for cut in [1, 7, 15, 16, 17, 300] {
            for isIndirect in [false, true] {
                disk.bytes = [UInt8](repeating: 0, count: 2048)
                let status = rig.queue.buffer(room: 1)
                var chain = stride(from: 0, to: message.count, by: cut).map {
                    Array(message[$0..<min($0 + cut, message.count)])
                }.compactMap { try? rig.queue.buffer(of: $0) }
                chain.append(status)
                guard isIndirect || chain.count < 200 else { continue }
                if chain.count > 256 { continue }
                try rig.queue.send(chain, isIndirect: isIndirect)
                rig.driver.notify(0)
                #expect(try rig.queue.takeUsed()?.written == 1)
                #expect(try rig.queue.bytes(of: status) == [0])
                #expect(Array(disk.bytes[512..<1024]) == data)
            }
        }
        // Data and status in one descriptor: the status is its last byte.
        let room = rig.queue.buffer(room: 513)
        try rig.queue.send([try rig.queue.buffer(of: BlockRig.header(0, sector: 1)), room])
        rig.driver.notify(0)
        #expect(try rig.queue.takeUsed()?.written == 513)
        #expect(try rig.queue.bytes(of: room) == data + [0])
    }

    @Test("segments may straddle descriptors, and so may the room for an identifier")
    func anyFramingOfTheRest() throws {
        let disk = MemoryDisk(sectors: 8)
        let rig = try BlockRig(disk, options: BlockOptions(identifier: "0123456789abcdefghij"))
        func send(_ type: UInt32, _ data: [UInt8], cut: Int, rooms: [UInt32]) throws -> (UInt32?, [UInt8]) {
            let message = BlockRig.header(type, sector: 0) + data
            var chain = try stride(from: 0, to: message.count, by: cut).map {
                try rig.queue.buffer(of: Array(message[$0..<min($0 + cut, message.count)]))
            }
            let parts = rooms.map { rig.queue.buffer(room: $0) }
            chain += parts
            try rig.queue.send(chain)
            rig.driver.notify(0)
            return (try rig.queue.takeUsed()?.written, try parts.flatMap { try rig.queue.bytes(of: $0) })
        }
        for cut in [1, 5, 16, 20] {
            disk.bytes = [UInt8](repeating: 0xaa, count: 4096)
            let before = disk.discarded.count
            let segments = Self.segment(1, 1, 0) + Self.segment(7, 1, 0)
            #expect(try send(11, segments, cut: cut, rooms: [1]) == (1, [0]))
            #expect(disk.discarded.dropFirst(before) == [512..<1024, 3584..<4096])
            #expect(try send(13, segments, cut: cut, rooms: [1]) == (1, [0]))
            #expect(disk.bytes[512..<1024].allSatisfy { $0 == 0 } && disk.bytes[0] == 0xaa)
            let identifier = Array("0123456789abcdefghij".utf8) + [0]
            #expect(try send(8, [], cut: cut, rooms: [7, 1, 0, 12, 1]) == (21, identifier))
            #expect(try send(8, [], cut: cut, rooms: [1, 20]) == (21, identifier))
        }
    }

    @Test("a flush reaches the disk; without FLUSH accepted each write is made safe by itself")
    func flushes() throws {
        let disk = MemoryDisk(sectors: 4)
        let rig = try BlockRig(disk)
        #expect(try rig.request(1, data: [UInt8](repeating: 1, count: 512)).status == 0)
        #expect(disk.flushCount == 0)
        #expect(try rig.request(4).status == 0)
        #expect(disk.flushCount == 1)

        let through = try BlockRig(disk, features: [.version1])
        #expect(try through.request(1, data: [UInt8](repeating: 1, count: 512)).status == 0)
        #expect(disk.flushCount == 2)
        #expect(try through.request(4).status == 2)

        let unsafe = try BlockRig(disk, options: BlockOptions(cache: .unsafe))
        #expect(try unsafe.request(1, data: [UInt8](repeating: 1, count: 512)).status == 0)
        #expect(disk.flushCount == 2)
    }

    @Test("the identifier has 20 bytes, padded with zeros or cut")
    func identifier() throws {
        let short = try BlockRig(MemoryDisk(sectors: 1), options: BlockOptions(identifier: "root"))
        #expect(
            try short.request(8, room: 20)
                == .init(status: 0, written: 21, data: Array("root".utf8) + [UInt8](repeating: 0, count: 16)))
        let long = try BlockRig(MemoryDisk(sectors: 1), options: BlockOptions(identifier: "0123456789abcdefghijkl"))
        #expect(try long.request(8, room: 24).data == Array("0123456789abcdefghij".utf8) + [0, 0, 0, 0])
        #expect(try long.request(8, room: 24).written == 20)
        #expect(try long.request(8, room: 19).status == 1)
    }

    private static func segment(_ sector: UInt64, _ count: UInt32, _ flags: UInt32) -> [UInt8] {
        var bytes: [UInt8] = []
        withUnsafeBytes(of: sector) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: count) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: flags) { bytes.append(contentsOf: $0) }
        return bytes
    }

    @Test("discard and write-zeroes act on each segment")
    func discards() throws {
        let disk = MemoryDisk(sectors: 8)
        disk.bytes = [UInt8](repeating: 0xaa, count: 4096)
        let rig = try BlockRig(disk)
        #expect(try rig.request(11, data: Self.segment(1, 1, 0) + Self.segment(7, 1, 0)).status == 0)
        #expect(disk.discarded == [512..<1024, 3584..<4096])
        #expect(try rig.request(13, data: Self.segment(2, 2, 1) + Self.segment(4, 1, 0)).status == 0)
        #expect(disk.bytes[1024..<2560].allSatisfy { $0 == 0 })
        #expect(disk.bytes[2560..<3584].allSatisfy { $0 == 0xaa })
    }

    /// A request that breaks one rule, and the answer.
    struct Row: Sendable, CustomTestStringConvertible {
        var what: String
        var type: UInt32
        var sector: UInt64 = 0
        var data: [UInt8] = []
        var room: UInt32 = 0
        var status: UInt8
        var testDescription: String { what }
    }

    static let sectorOfOnes = [UInt8](repeating: 1, count: 512)
    static let rows = [
        Row(what: "read past the end", type: 0, sector: 8, room: 512, status: 1),
        Row(what: "read of the last sector and one more", type: 0, sector: 7, room: 1024, status: 1),
        Row(what: "sector that overflows with the length", type: 0, sector: .max, room: 512, status: 1),
        Row(
            what: "sector that overflows when it becomes bytes", type: 1, sector: 1 << 55, data: sectorOfOnes, status: 1
        ),
        Row(what: "read of a part of a sector", type: 0, room: 511, status: 1),
        Row(what: "write of a part of a sector", type: 1, data: [UInt8](repeating: 1, count: 513), status: 1),
        Row(what: "read of nothing", type: 0, status: 1),
        Row(what: "write of nothing", type: 1, status: 1),
        Row(what: "read with data to read", type: 0, data: sectorOfOnes, room: 512, status: 1),
        Row(what: "write with room to write", type: 1, data: sectorOfOnes, room: 512, status: 1),
        Row(what: "flush of a sector", type: 4, sector: 1, status: 1),
        Row(what: "unknown type", type: 2, status: 2),
        Row(what: "type of a feature that does not exist", type: 14, status: 2),
        Row(what: "type of all ones", type: ~0, status: 2),
        Row(what: "discard of no segment", type: 11, status: 1),
        Row(what: "discard of half a segment", type: 11, data: [UInt8](repeating: 0, count: 24), status: 1),
        Row(what: "discard past the end", type: 11, data: segment(8, 1, 0), status: 1),
        Row(what: "discard that overflows", type: 11, data: segment(.max, 1, 0), status: 1),
        Row(
            what: "discard of a good and a bad segment", type: 11, data: segment(0, 1, 0) + segment(9, 1, 0), status: 1),
        Row(what: "discard with unmap", type: 11, data: segment(0, 1, 1), status: 2),
        Row(what: "write-zeroes with an unknown flag", type: 13, data: segment(0, 1, 2), status: 2),
        Row(what: "write-zeroes longer than allowed", type: 13, data: segment(0, ~0, 0), status: 1),
        Row(what: "write-zeroes of too many segments", type: 13, data: [UInt8](repeating: 0, count: 80), status: 1),
    ]

    @Test("a request that breaks a rule is answered with an error, changes nothing and stops nothing", arguments: rows)
    func refuses(row: Row) throws {
        let disk = MemoryDisk(sectors: 8)
        disk.bytes = [UInt8](repeating: 0xaa, count: 4096)
        let rig = try BlockRig(disk)
        let answer = try rig.request(row.type, sector: row.sector, data: row.data, room: row.room)
        #expect(answer.status == row.status)
        // Nothing was written but the status, which counts only if there is no gap before it.
        #expect(answer.written == (row.room == 0 ? 1 : 0))
        #expect(disk.bytes.allSatisfy { $0 == 0xaa })
        #expect(rig.device.counters.malformed + rig.device.counters.unsupported == 1)
        #expect(try rig.request(0, sector: 7, room: 512).status == 0)
        #expect(rig.driver.status == 0xf)
    }

    @Test("a chain without a status byte, or with a short header, goes back with what could be written")
    func noRequest() throws {
        let rig = try BlockRig(MemoryDisk(sectors: 8))
        let header = BlockRig.header(0, sector: 0)
        // Head only; nothing readable; short header; empty buffers.
        let status = rig.queue.buffer(room: 1)
        let chains = [
            [try rig.queue.buffer(of: header)],
            [rig.queue.buffer(room: 600)],
            [try rig.queue.buffer(of: Array(header.prefix(15))), status],
            [DriverQueue.Buffer(GuestAddress(0x2000), 0, isWritable: false)],
        ]
        for (chain, written) in zip(chains, [UInt32(0), 0, 1, 0]) {
            try rig.queue.send(chain)
            rig.driver.notify(0)
            #expect(try rig.queue.takeUsed()?.written == written)
        }
        #expect(try rig.queue.bytes(of: status) == [1])
        #expect(try rig.request(0, room: 512).status == 0)
    }

    @Test("a chain that leaves guest memory goes back unused, and the device goes on")
    func unmapped() throws {
        let rig = try BlockRig(MemoryDisk(sectors: 8))
        for address: UInt64 in [0, 0x0100_0f00, 0xd000_0000, .max - 10] {
            let target = DriverQueue.Buffer(GuestAddress(address), 512, isWritable: true)
            try rig.queue.send([
                try rig.queue.buffer(of: BlockRig.header(0, sector: 0)), target, rig.queue.buffer(room: 1),
            ])
            rig.driver.notify(0)
            #expect(try rig.queue.takeUsed()?.written == 0)
        }
        // The header, or the status byte alone.
        let outside = GuestAddress(0xd000_0000)
        for isHeader in [true, false] {
            let header = try rig.queue.buffer(of: BlockRig.header(0, sector: 0))
            try rig.queue.send([
                isHeader ? .init(outside, 16, isWritable: false) : header, rig.queue.buffer(room: 512),
                isHeader ? rig.queue.buffer(room: 1) : .init(outside, 1, isWritable: true),
            ])
            rig.driver.notify(0)
            #expect(try rig.queue.takeUsed()?.written == 0)
        }
        #expect(rig.device.counters.reads == 0)
        #expect(try rig.request(0, room: 512).status == 0)
    }

    @Test("a read that fails half way tells how far it came, and is not tried twice")
    func partialRead() throws {
        let base = MemoryDisk(sectors: 8)
        base.bytes = [UInt8](repeating: 0xaa, count: 4096)
        let disk = FlakyDisk(base)
        disk.badByteOffset = 700
        let rig = try BlockRig(disk)
        let answer = try rig.request(0, room: 1024)
        #expect(answer.status == 1)
        #expect(answer.written == 700)
        #expect(answer.data == [UInt8](repeating: 0xaa, count: 700) + [UInt8](repeating: 0, count: 324))
        #expect(try rig.request(1, data: [UInt8](repeating: 0xbb, count: 1024)).status == 1)
        #expect(disk.transferCount == 2)
        #expect(rig.device.counters.failures == 2)
        disk.failsCommands = true
        #expect(try rig.request(4).status == 1)
        #expect(try rig.request(11, data: Self.segment(0, 1, 0)).status == 1)
    }

    @Test("a read-only disk refuses every change, and a drive without a medium everything")
    func refusesChanges() throws {
        let disk = MemoryDisk(sectors: 8, isReadOnly: true)
        let rig = try BlockRig(disk)
        #expect(try rig.request(1, data: Self.sectorOfOnes).status == 1)
        #expect(try rig.request(11, data: Self.segment(0, 1, 0)).status == 2)
        #expect(try rig.request(0, room: 512).status == 0)
        #expect(disk.bytes.allSatisfy { $0 == 0 })

        let empty = try BlockRig(nil)
        #expect(empty.driver.config(0..<8) == [UInt8](repeating: 0, count: 8))
        #expect(try empty.request(0, room: 512).status == 1)
        #expect(try empty.request(4).status == 1)
        #expect(empty.driver.status == 0xf)
    }

    @Test("another disk shows its capacity by a configuration interrupt")
    func replacesDisk() throws {
        let rig = try BlockRig(nil)
        let disk = MemoryDisk(sectors: 3)
        disk.bytes[1024] = 7
        rig.device.replaceDisk(disk)
        #expect(rig.driver.config(0..<2) == [3, 0])
        #expect(rig.driver.takeInterrupts() & 2 == 2)
        #expect(try rig.request(0, sector: 2, room: 512).data.first == 7)
        rig.device.replaceDisk(MemoryDisk(sectors: 3, isReadOnly: true))
        #expect(try rig.request(1, data: Self.sectorOfOnes).status == 1)
    }

    @Test("one turn is bounded in requests and bytes; what is left is served in the next")
    func bounded() throws {
        let device = BlockDevice(disk: MemoryDisk(sectors: 16384))
        let executor = ManualExecutor()
        let driver = try MMIODriver(device, executor: executor)
        try driver.start()
        executor.run()
        let queue = try #require(driver.queue(0))
        let header = try queue.buffer(of: BlockRig.header(0, sector: 0))
        let big = DriverQueue.Buffer(GuestAddress(0x80_0000), 4 << 20, isWritable: true)
        let status = queue.buffer(room: 1)
        for _ in 0..<8 { _ = try queue.add([header, big, status]) }
        try queue.publish()
        driver.notify(0)
        var turns = 0
        while executor.runOne() { turns += 1 }
        #expect(turns == 4)
        #expect(device.counters.reads == 8)
    }

    @Test("zeroes may have to be written, so they count for a turn as data does")
    func boundedZeroes() throws {
        let file = try FileDescriptor.temporaryFile()
        try file.setByteCount(512 << 15)
        let device = BlockDevice(disk: try FileDisk(adopting: file, isReadOnly: false))
        let executor = ManualExecutor()
        let driver = try MMIODriver(device, executor: executor)
        try driver.start()
        executor.run()
        let queue = try #require(driver.queue(0))
        let request = try queue.buffer(of: BlockRig.header(13, sector: 0) + Self.segment(0, 1 << 15, 0))
        for _ in 0..<8 { _ = try queue.add([request, queue.buffer(room: 1)]) }
        try queue.publish()
        driver.notify(0)
        var turns = 0
        while executor.runOne() { turns += 1 }
        #expect(turns == 8 && device.counters.discards == 8)
    }

    @Test("a ring whose index ran ahead stops the device until it is reset")
    func brokenRing() throws {
        let rig = try BlockRig(MemoryDisk(sectors: 8))
        try rig.queue.setAvailableIndex(257)
        rig.driver.notify(0)
        #expect(rig.driver.status == 0x4f)
        try rig.driver.start()
        #expect(rig.driver.status == 0xf)
    }

    @Test(
        "what was answered before a ring broke is signalled all the same, whichever engine", arguments: [true, false])
    func answeredBefore(_ isRing: Bool) throws {
        let file = try FileDescriptor.temporaryFile()
        try file.setByteCount(4096)
        let disk = try FileDisk(adopting: file, isReadOnly: false)
        let rig = try BlockRig(isRing ? try RingDisk(disk) : disk)
        // An identifier, which is there at once; then a head that the table does not have.
        let header = try rig.queue.buffer(of: BlockRig.header(8, sector: 0))
        let head = try #require(try rig.queue.add([header, rig.queue.buffer(room: 21)]))
        try rig.queue.offer(0xffff)
        try rig.queue.publish()
        rig.driver.notify(0)
        #expect(try rig.queue.takeUsed() == .init(head: UInt32(head), written: 21))
        #expect(rig.driver.status == 0x4f)
        #expect(rig.driver.takeInterrupts() == 3)
    }
}
