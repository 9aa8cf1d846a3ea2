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

/// Opening and closing, resets, and what else happens around the bytes.
@Suite struct ConsoleLifeTests {
    private func output(_ log: EventLog = EventLog(), name: String? = nil) throws -> (End, ConsolePort) {
        let (reads, writes) = try makePipe()
        let end = try HostDescriptor(adopting: writes.take(), for: .output)
        return (reads, ConsolePort(name: name, input: nil, output: end) { log.events.append($0) })
    }

    @Test("a close is reported between what was sent before it and what is sent after the next opening")
    func closesInOrder() throws {
        let log = EventLog()
        let (host, port) = try output(log)
        let rig = try ConsoleRig([port])
        try rig.openPort(0)
        // Fill the pipe, so that the rest waits.
        for _ in 0..<3 { try rig.send([UInt8](repeating: 1, count: 30_000), port: 0) }
        try rig.say(0, 6, 0)
        try rig.say(0, 6, 1)
        try rig.send([2], port: 0)
        #expect(log.events == [.guestOpened])
        var received: [UInt8] = []
        while received.count < 90_000 {
            let more = host.readAll(upTo: 5000)
            received.append(contentsOf: more)
            if more.isEmpty { break }
            rig.fireAll(.write)
            if received.contains(2) { #expect(log.events == [.guestOpened, .guestClosed, .guestOpened]) }
        }
        rig.fireAll(.write)
        received.append(contentsOf: host.readAll())
        #expect(received == [UInt8](repeating: 1, count: 90_000) + [2])
        #expect(log.events == [.guestOpened, .guestClosed, .guestOpened])
        try rig.say(0, 6, 0)
        #expect(log.events.last == .guestClosed)
    }

    @Test("a close finds what was sent before it, although its doorbell has not been heard yet")
    func closeOvertakesDoorbell() throws {
        let log = EventLog()
        let (host, port) = try output(log)
        let rig = try ConsoleRig([port])
        try rig.openPort(0)
        try rig.send([1, 2, 3], port: 0, notify: false)
        try rig.say(0, 6, 0)
        #expect(host.readAll() == [1, 2, 3])
        #expect(log.events == [.guestOpened, .guestClosed])
    }

    @Test("a reset writes what the guest had sent, reports open ports as closed, and does not do it twice")
    func resetFlushes() throws {
        let log = EventLog()
        let (host, port) = try output(log)
        let rig = try ConsoleRig([port])
        try rig.openPort(0)
        try rig.send([5, 6], port: 0, notify: false)
        rig.driver.status = 0
        #expect(host.readAll() == [5, 6])
        #expect(log.events == [.guestOpened, .guestClosed])
        rig.driver.transport.shutDown()
        #expect(log.events.count == 2)
        // And it works again.
        try rig.driver.start()
        try rig.openPort(0)
        try rig.send([7], port: 0)
        #expect(host.readAll() == [7])
    }

    @Test("without MULTIPORT port 0 is open as soon as the device is")
    func singlePort() throws {
        let (guestReads, hostWrites) = try makePipe()
        let (hostReads, guestWrites) = try makePipe()
        #expect(hostWrites.end.write([1, 2]) == 2)
        let port = ConsolePort(
            input: try HostDescriptor(adopting: guestReads.file.duplicate(), for: .input),
            output: try HostDescriptor(adopting: guestWrites.take(), for: .output))
        let device = ConsoleDevice(ports: [port], queueSize: 16)
        let driver = try MMIODriver(device)
        try driver.start([.version1], only: [0, 1])
        #expect(driver.status == 0xf)
        let receive = try #require(driver.queue(0))
        let transmit = try #require(driver.queue(1))
        let buffer = receive.buffer(room: 8)
        try receive.send([buffer])
        driver.notify(0)
        #expect(try receive.takeUsed()?.written == 2)
        try transmit.send([try transmit.buffer(of: [3])])
        driver.notify(1)
        #expect(hostReads.readAll() == [3])
    }

    @Test("with MULTIPORT the control queues must be there")
    func controlQueuesNeeded() throws {
        let driver = try MMIODriver(ConsoleDevice(ports: [], queueSize: 16))
        try driver.start(only: [0, 1, 2])
        #expect(driver.status == 0x4f)
    }

    @Test("an input with an end, but nothing in it, ends at once; so does a file at its end")
    func emptyInput() throws {
        let file = try FileDescriptor.temporaryFile()
        try file.setByteCount(5000)
        for kind in 0..<2 {
            let log = EventLog()
            let source =
                kind == 0 ? try FileDescriptor.open("/dev/null", .readOnly) : try file.duplicate()
            let port = ConsolePort(input: try HostDescriptor(adopting: source, for: .input), output: nil) {
                log.events.append($0)
            }
            let rig = try ConsoleRig([port])
            try rig.offerReceive(port: 0, room: 4096, count: 4)
            try rig.openPort(0)
            #expect(try rig.received(port: 0).count == kind * 5000)
            #expect(log.events == [.guestOpened, .inputEnded])
            try rig.offerControl()
            #expect(try rig.heard().last == [0, 0, 0, 0, 6, 0, 0, 0])
        }
    }

    @Test("with input waiting and no buffer in the guest nothing is watched, so that no loop spins")
    func noSpin() throws {
        let (guestReads, hostWrites) = try makePipe()
        let rig = try ConsoleRig([
            ConsolePort(input: try HostDescriptor(adopting: guestReads.file.duplicate(), for: .input), output: nil)
        ])
        try rig.openPort(0)
        let events = rig.driver.events
        #expect(events.watchedCount == 0)
        try rig.offerReceive(port: 0, room: 4)
        #expect(events.watchedCount == 1)
        let end = hostWrites.end
        #expect(end.write([1, 2, 3, 4, 5]) == 5)
        rig.fireAll([.read])
        #expect(try rig.received(port: 0) == [1, 2, 3, 4])
        #expect(events.watchedCount == 0)
        try rig.offerReceive(port: 0, room: 4, count: 2)
        #expect(try rig.received(port: 0) == [5])
        #expect(events.watchedCount == 1)
        rig.driver.status = 0
        #expect(events.watchedCount == 0)
    }

    @Test("a guest that asks a million times for what is due, and takes nothing, gets each message once")
    func messagesDoNotPileUp() throws {
        let rig = try ConsoleRig([ConsolePort(name: "a", isConsole: true, input: nil, output: nil)])
        for _ in 0..<1000 {
            try rig.say(0, 0, 1)
            try rig.say(0, 3, 1)
        }
        try rig.offerControl(8)
        #expect(try rig.heard().map { $0[4] } == [1, 4, 6, 7])
    }

    @Test("messages that make no sense are counted and ignored")
    func badMessages() throws {
        let rig = try ConsoleRig([ConsolePort(input: nil, output: nil)])
        for (port, event) in [(1, 6), (~0, 3), (0, 99), (0, 1)] as [(UInt32, UInt16)] { try rig.say(port, event, 1) }
        try rig.queue(3).send([try rig.queue(3).buffer(of: [0, 0, 0])])
        rig.driver.notify(3)
        #expect(rig.device.counters.malformedMessages == 5)
        #expect(rig.driver.status == 0xf)
    }

    @Test("a control buffer that is too small goes back empty")
    func smallControlBuffer() throws {
        let rig = try ConsoleRig([ConsolePort(input: nil, output: nil)])
        let queue = try rig.queue(2)
        for room in [UInt32(7), 8] { try queue.send([queue.buffer(room: room)]) }
        try rig.say(0, 0, 1)
        #expect(try queue.takeUsed()?.written == 0)
        try rig.say(0, 0, 1)
        #expect(try queue.takeUsed()?.written == 8)
    }

    @Test("a new size reaches the configuration space and every console")
    func resizes() throws {
        let rig = try ConsoleRig(
            [ConsolePort(isConsole: true, input: nil, output: nil), ConsolePort(input: nil, output: nil)],
            size: ConsoleSize(columns: 80, rows: 25))
        try rig.offerControl(10)
        for port in [UInt32(0), 1] { try rig.openPort(port) }
        _ = try rig.heard()
        rig.device.resize(to: ConsoleSize(columns: 132, rows: 50))
        #expect(try rig.heard() == [[0, 0, 0, 0, 5, 0, 0, 0, 50, 0, 132, 0]])
        #expect(rig.driver.config(0..<4) == [132, 0, 50, 0])
        #expect(rig.driver.takeInterrupts() & 2 == 2)
    }

    @Test("a port that is taken away is announced as gone, and its queues do nothing")
    func removes() throws {
        let (host, port) = try output(name: "x")
        let rig = try ConsoleRig([ConsolePort(input: nil, output: nil), port])
        try rig.offerControl()
        try rig.openPort(1)
        _ = try rig.heard()
        try rig.send([9], port: 1, notify: false)
        rig.device.removePort(1)
        #expect(try rig.heard() == [[1, 0, 0, 0, 2, 0, 0, 0]])
        #expect(host.readAll() == [9])
        try rig.send([8], port: 1)
        #expect(host.readAll().isEmpty)
        #expect(rig.driver.status == 0xf)
        rig.device.removePort(1)
        rig.device.removePort(77)
        #expect(try rig.heard().isEmpty)
    }

    @Test("a character written to the configuration space comes out of port 0")
    func emergencyWrite() throws {
        let (host, port) = try output()
        let rig = try ConsoleRig([port])
        rig.driver.transport.write(offset: 0x108, value: 0x41, size: 4)
        rig.driver.transport.write(offset: 0x109, value: 0x42, size: 1)
        #expect(host.readAll() == [0x41])
    }

    @Test("output that was partly written when the guest takes its chain back is not written past its end")
    func shrinkingChain() throws {
        let (host, port) = try output()
        let rig = try ConsoleRig([port])
        try rig.openPort(0)
        let queue = try rig.queue(1)
        let buffer = try queue.buffer(of: [UInt8](repeating: 1, count: 100_000))
        let head = try #require(try queue.send([buffer]))
        rig.driver.notify(1)
        try queue.setDescriptor(head, buffer.address, byteCount: 10, flags: 0)
        let first = host.readAll()
        rig.fireAll(.write)
        #expect(host.readAll().isEmpty)
        #expect(first.count < 100_000)
        #expect(try queue.takeUsed() != nil)
        try rig.send([3], port: 0)
        #expect(host.readAll() == [3])
    }

    @Test("a broken ring ends the device, reports open ports as closed, and a reset mends it")
    func brokenRing() throws {
        let log = EventLog()
        let (host, port) = try output(log)
        let rig = try ConsoleRig([port])
        try rig.openPort(0)
        try rig.queue(1).setAvailableIndex(1000)
        rig.driver.notify(1)
        #expect(rig.driver.status == 0x4f)
        #expect(log.events == [.guestOpened, .guestClosed])
        try rig.driver.start()
        try rig.openPort(0)
        try rig.send([1], port: 0)
        #expect(host.readAll() == [1])
    }

    @Test("what was published before a ring broke is signalled all the same, in each queue", arguments: 0...3)
    func publishedBefore(index: Int) throws {
        let (guestReads, hostWrites) = try makePipe()
        let (_, guestWrites) = try makePipe()
        let rig = try ConsoleRig([
            ConsolePort(
                input: try HostDescriptor(adopting: guestReads.file.duplicate(), for: .input),
                output: try HostDescriptor(adopting: guestWrites.take(), for: .output))
        ])
        // Without event index, so that each batch is signalled.
        try rig.driver.start(rig.driver.offeredFeatures.subtracting(.eventIndex))
        try rig.openPort(0)
        #expect(hostWrites.end.write([1]) == 1)
        let queue = try rig.queue(index)
        // Something to fill, or to say: on the control queue it is no message. Then a head that the table does not have.
        let isFilled = index == 0 || index == 2
        let buffer = isFilled ? queue.buffer(room: 64) : try queue.buffer(of: [0, 0, 0, 0, 99, 0, 0, 0])
        let head = try #require(try queue.add([buffer]))
        try queue.offer(0xffff)
        try queue.publish()
        _ = rig.driver.takeInterrupts()
        rig.driver.notify(index)
        #expect(try queue.takeUsed()?.head == UInt32(head))
        #expect(rig.driver.status == 0x4f)
        // Of a queue, and of the configuration: NEEDS_RESET.
        #expect(rig.driver.takeInterrupts() == 3)
    }

    @Test("a megabyte through a slow reader arrives whole, in order, once")
    func streams() throws {
        let (host, port) = try output()
        let rig = try ConsoleRig([port], queueSize: 16)
        try rig.openPort(0)
        let queue = try rig.queue(1)
        let heap = queue.heap
        var sent = 0
        var received: [UInt8] = []
        var random = SeededGenerator(seed: 7)
        while received.count < 1 << 20 {
            if queue.freeCount == 16 { queue.resetHeap(to: heap) }
            while sent < 1 << 20, queue.freeCount > 0, queue.heap.rawValue < heap.rawValue + 200_000 {
                let count = min(Int(random.next() % 20_000) + 1, 1 << 20 - sent)
                let chunk = (sent..<sent + min(count, (1 << 20) - sent)).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) }
                try rig.send(chunk, port: 0)
                sent += chunk.count
            }
            received.append(contentsOf: host.readAll(upTo: Int(random.next() % 9_000) + 1))
            rig.fireAll(.write)
            _ = try rig.sentCount(port: 0)
        }
        #expect(received == (0..<1 << 20).map { UInt8(truncatingIfNeeded: $0 &* 7 >> 3) })
    }
}

extension ManualEventRegistry {
    var watchedCount: Int { sources.values.count { !$0.isRemoved } }
}
