// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport

/// What has gone wrong in other monitors and is no other test's subject here; docs/threat-model.md has the whole list.
@Suite struct KnownFailureTests {
    private typealias Register = MMIODriver.Register

    @Test("a doorbell for a queue that does not exist, however large the number, is ignored")
    func doorbells() throws {
        let probe = ProbeDevice()
        let executor = ManualExecutor()
        let driver = try MMIODriver(probe, executor: executor)
        try driver.start()
        executor.run()
        probe.calls = []
        for value in [2, 3, 0xff, 0x7fff, 0x8000, 0xffff, 0x1_0000, 0x1_0001, 0x7fff_ffff, 0x8000_0000, .max]
            as [UInt32]
        {
            driver.write(Register.queueNotify, value)
        }
        #expect(executor.count == 0 && probe.calls == [])
        driver.write(Register.queueNotify, 1)
        executor.run()
        #expect(probe.calls == [.notified(1)])
    }

    @Test("with a queue selected that does not exist every queue register reads 0 and takes nothing")
    func queueSelect() throws {
        let driver = try MMIODriver(EntropyDevice(queueSize: 16))
        driver.negotiate()
        for select in [1, 2, 0xffff, 0x1_0000, 0x8000_0000, .max] as [UInt32] {
            driver.write(Register.queueSelect, select)
            for offset in stride(from: 0x34 as UInt64, to: 0xcc, by: 4)
            where offset != 0x70 && !(0xac..<0xc0).contains(offset) {
                if offset != Register.queueNotify { driver.write(offset, 1) }
                #expect(driver.read(offset) == 0, "offset \(offset) of queue \(select)")
            }
        }
        driver.write(Register.queueSelect, 0)
        #expect(driver.read(Register.queueReady) == 0 && driver.read(Register.queueSizeMax) == 16)
    }

    @Test("buffers and rings in a device's own register page are not in memory: no register changes by a device's hand")
    func ownRegisters() throws {
        let disk = MemoryDisk(sectors: 8)
        // A status register's value on the disk, to be "read" into the page.
        disk.bytes.replaceSubrange(0..<512, with: [UInt8](repeating: 0, count: 512))
        let rig = try BlockRig(disk)
        let page = GuestAddress(0xd000_0000)
        let header = try rig.queue.buffer(of: BlockRig.header(0, sector: 0))
        let data = DriverQueue.Buffer(page, 512, isWritable: true)
        let head = try #require(try rig.queue.send([header, data, rig.queue.buffer(room: 1)]))
        rig.driver.notify(0)
        #expect(try rig.queue.takeUsed() == .init(head: UInt32(head), written: 0))
        #expect(rig.driver.status == 0xf)
        #expect(try rig.request(0, room: 512).status == 0)
        var configuration = rig.queue.configuration
        configuration.usedRing = page
        rig.driver.negotiate()
        rig.driver.setUp(0, configuration)
        rig.driver.status = 0xf
        #expect(rig.driver.status == 0x4f)
    }

    @Test("a raw disk stays raw, whatever image a guest writes into its first sectors")
    func rawStaysRaw() throws {
        // A QCOW2 header of version 3 whose backing file is named behind it, and a VHDX signature.
        var qcow: [UInt8] = [0x51, 0x46, 0x49, 0xfb, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 0x70, 0, 0, 0, 11]
        qcow += [UInt8](repeating: 0, count: 0x70 - qcow.count) + Array("/etc/passwd".utf8)
        for image in [qcow, Array("vhdxfile".utf8)] {
            let file = try FileDescriptor.temporaryFile()
            try file.setByteCount(16 * 512)
            let sector = image + [UInt8](repeating: 0, count: 512 - image.count)
            let first = try BlockRig(FileDisk(adopting: file.duplicate(), isReadOnly: false))
            #expect(try first.request(1, data: sector) == .init(status: 0, written: 1, data: []))
            for disk in [
                try FileDisk(adopting: file.duplicate(), isReadOnly: false) as any Disk,
                try RingDisk(FileDisk(adopting: file.duplicate(), isReadOnly: false)),
            ] {
                let again = try BlockRig(disk)
                #expect(again.driver.config(0..<8) == [16, 0, 0, 0, 0, 0, 0, 0])
                #expect(try again.request(0, room: 512) == .init(status: 0, written: 513, data: sector))
            }
        }
    }

    @Test("sectors of a discard or a write-zeroes request that overflow are an error, and nothing is touched")
    func extents() throws {
        let disk = MemoryDisk(sectors: 8)
        disk.bytes = [UInt8](repeating: 7, count: 8 * 512)
        let rig = try BlockRig(disk)
        for type in [11, 13] as [UInt32] {
            for (sector, count) in [
                (.max, 1), (.max, .max), (1 << 55, 1), ((1 << 55) - 1, 2), (8, 1), (7, 2), (0, 9), (0, .max),
            ] as [(UInt64, UInt32)] {
                var segment: [UInt8] = []
                withUnsafeBytes(of: sector.littleEndian) { segment.append(contentsOf: $0) }
                withUnsafeBytes(of: count.littleEndian) { segment.append(contentsOf: $0) }
                segment += [0, 0, 0, 0]
                #expect(try rig.request(type, data: segment).status == 1, "\(count) from \(sector)")
            }
        }
        #expect(disk.discarded.isEmpty && disk.bytes.allSatisfy { $0 == 7 })
    }

    @Test(
        "a guest that set up fewer queues, or whose device did not start, does not keep a machine from standing still")
    func pauseWithFewerQueues() throws {
        func make() -> ConsoleDevice {
            ConsoleDevice(
                ports: [ConsolePort(input: nil, output: nil), ConsolePort(input: nil, output: nil)], queueSize: 16)
        }
        for queues in [[2, 3], [0, 1, 2, 3], [0, 1], []] as [Set<Int>] {
            let device = make()
            let driver = try MMIODriver(device)
            try driver.start(only: queues)
            let status = driver.status
            #expect(status == (queues.isSuperset(of: [2, 3]) ? 0xf : 0x4f))
            let next = try driver.move(from: device, to: make())
            #expect(next.status == status)
            try next.start()
            #expect(next.status == 0xf)
        }
    }

    @Test("a device serves others' requests, whatever number of requests a guest has in its ring and never takes back")
    func neverTakenBack() throws {
        let rig = try BlockRig(MemoryDisk(sectors: 8), options: BlockOptions(queueSize: 16))
        // The same chain over and over, more often than the ring has entries, without a look at the used ring.
        let header = try rig.queue.buffer(of: BlockRig.header(4, sector: 0))
        let status = rig.queue.buffer(room: 1)
        let head = try #require(try rig.queue.send([header, status]))
        for _ in 0..<1000 {
            try rig.queue.offer(head)
            try rig.queue.publish()
            rig.driver.notify(0)
            #expect(rig.driver.status == 0xf)
        }
        #expect(rig.device.counters.flushes == 1001)
    }
}
