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

/// A console's queues are reset and set up again while its ports are open (virtio 1.2, 2.6.1).
@Suite struct ConsoleQueueTests {
    private let log = EventLog()

    /// A console whose port 0 is open, and the host's ends of that.
    private func open() throws -> (rig: ConsoleRig, input: End, output: End) {
        let (guestReads, hostWrites) = try makePipe()
        let (hostReads, guestWrites) = try makePipe()
        let input = try HostDescriptor(adopting: guestReads.file.duplicate(), for: .input)
        let output = try HostDescriptor(adopting: guestWrites.take(), for: .output)
        let rig = try ConsoleRig([
            ConsolePort(name: "a", input: input, output: output) { [log] in log.events.append($0) },
            ConsolePort(input: nil, output: nil),
        ])
        try rig.openPort(0)
        return (rig, hostWrites.end, hostReads)
    }

    private func restart(_ rig: ConsoleRig, _ index: Int, size: UInt16 = 4) throws {
        try rig.driver.setUp(index, size: size, at: GuestAddress(0x40_0000 + UInt64(index) << 16))
    }

    @Test("input that no queue is there for waits at the host, unwatched, and comes whole in the next queue")
    func receive() throws {
        let (rig, input, _) = try open()
        try rig.offerReceive(port: 0, room: 4)
        #expect(input.write([1, 2]) == 2)
        rig.fireAll(.read)
        #expect(try rig.received(port: 0) == [1, 2])
        try rig.offerReceive(port: 0, room: 4)
        #expect(rig.driver.events.watchedCount == 1)
        let old = try rig.queue(0)
        rig.driver.resetQueue(0)
        #expect(rig.driver.events.watchedCount == 0)
        #expect(input.write([3, 4, 5, 6, 7]) == 5)
        rig.driver.notify(0)
        #expect(try old.takeUsed() == nil)
        try restart(rig, 0)
        try rig.offerReceive(port: 0, room: 3, count: 2)
        #expect(try rig.received(port: 0) == [3, 4, 5, 6, 7])
        #expect(rig.driver.status == 0xf && log.events == [.guestOpened])
    }

    @Test(
        "output that was not written when its queue was reset never is; what the next queue has goes out from its start"
    )
    func transmit() throws {
        let (rig, _, output) = try open()
        let long = [UInt8](repeating: 1, count: 100_000)
        try rig.send(long, port: 0)
        try rig.send([2], port: 0)
        #expect(rig.device.hasUnwrittenOutput && rig.driver.events.watchedCount == 1)
        rig.driver.resetQueue(1)
        #expect(!rig.device.hasUnwrittenOutput && rig.driver.events.watchedCount == 0)
        let written = output.readAll()
        #expect(!written.isEmpty && written.count < long.count && written.allSatisfy { $0 == 1 })
        rig.fireAll(.write)
        rig.driver.notify(1)
        #expect(output.readAll().isEmpty)
        try restart(rig, 1)
        try rig.send([3, 4], port: 0)
        #expect(output.readAll() == [3, 4])
        #expect(try rig.sentCount(port: 0) == 1)
    }

    @Test("a close that waited for output is reported when the queue is reset that the output was in")
    func close() throws {
        for isReopened in [false, true] {
            log.events = []
            let (rig, _, output) = try open()
            try rig.send([UInt8](repeating: 1, count: 100_000), port: 0)
            try rig.say(0, 6, 0)
            if isReopened { try rig.say(0, 6, 1) }
            #expect(log.events == [.guestOpened])
            rig.driver.resetQueue(1)
            #expect(log.events == [.guestOpened, .guestClosed] + (isReopened ? [.guestOpened] : []))
            // Without a queue there is nothing to wait for.
            if isReopened { try rig.say(0, 6, 0) }
            #expect(log.events.last == .guestClosed)
            _ = output.readAll()
            try restart(rig, 1)
            try rig.say(0, 6, 1)
            try rig.send([5], port: 0)
            #expect(output.readAll() == [5])
        }
    }

    @Test(
        "messages that are due wait for a control queue that is away, one of each kind; what the guest says is heard again"
    )
    func control() throws {
        let (rig, _, _) = try open()
        try rig.offerControl(4)
        _ = try rig.heard()
        rig.driver.resetQueue(2)
        for _ in 0..<3 { try rig.say(0, 3, 1) }
        rig.device.removePort(1)
        rig.driver.resetQueue(3)
        rig.driver.notify(3)
        try restart(rig, 2, size: 8)
        try rig.offerControl(8)
        // The port is gone; name and open are due for the other.
        #expect(try rig.heard().map { [$0[0], $0[4]] } == [[1, 2], [0, 6], [0, 7]])
        try restart(rig, 3)
        try rig.say(0, 3, 1)
        #expect(try rig.heard().map { $0[4] } == [6, 7])
        #expect(rig.device.counters.malformedMessages == 0)
        // A queue of a port that is gone may be reset, and comes back silent.
        rig.driver.resetQueue(5)
        try restart(rig, 5)
        try rig.send([1], port: 1)
        #expect(try rig.sentCount(port: 1) == 0)
        #expect(rig.driver.status == 0xf)
    }

    @Test("without MULTIPORT the two queues of port 0 can be reset, and no other begins to work")
    func singlePort() throws {
        let (hostReads, guestWrites) = try makePipe()
        let port = ConsolePort(input: nil, output: try HostDescriptor(adopting: guestWrites.take(), for: .output))
        let driver = try MMIODriver(ConsoleDevice(ports: [port], queueSize: 16))
        try driver.start([.version1, .ringReset], only: [0, 1])
        driver.resetQueue(1)
        for index in 1..<4 { try driver.setUp(index, size: 8, at: GuestAddress(0x40_0000 + UInt64(index) << 16)) }
        for index in 1..<4 {
            let queue = try #require(driver.queue(index))
            try queue.send([try queue.buffer(of: [0, 0, 0, 0, 0, 0, 1, 0])])
            driver.notify(index)
            #expect(try (queue.takeUsed() != nil) == (index == 1), "queue \(index)")
        }
        #expect(hostReads.readAll() == [0, 0, 0, 0, 0, 0, 1, 0])
        #expect(driver.status == 0xf)
    }

    @Test("a console that is saved with all queues away goes on when the driver gives it new ones")
    func saved() throws {
        let (rig, _, _) = try open()
        rig.device.removePort(1)
        for index in 0..<6 { rig.driver.resetQueue(index) }
        let (reads, writes) = try makePipe()
        let fresh = ConsoleDevice(
            ports: [
                ConsolePort(name: "a", input: nil, output: try HostDescriptor(adopting: writes.take(), for: .output)),
                ConsolePort(input: nil, output: nil),
            ], queueSize: 16)
        let next = try rig.driver.move(from: rig.device, to: fresh)
        #expect(next.status == 0xf && fresh.save().untoldRemovals == [1])
        for index in 1..<3 { try next.setUp(index, size: 8, at: GuestAddress(0x50_0000 + UInt64(index) << 16)) }
        let output = try #require(next.queue(1))
        try output.send([try output.buffer(of: [8, 9])])
        next.notify(1)
        #expect(reads.readAll() == [8, 9])
        let control = try #require(next.queue(2))
        let buffer = control.buffer(room: 8)
        try control.send([buffer])
        next.notify(2)
        #expect(try control.takeUsed()?.written == 8)
        #expect(try control.bytes(of: buffer) == [1, 0, 0, 0, 2, 0, 0, 0])
    }

    @Test(
        "once a reset was answered, the device's thread writes neither to the ring nor to its buffers, however much comes"
    )
    func thread() throws {
        let file = try FileDescriptor.temporaryFile()
        try file.setByteCount(64 << 20)
        let input = try HostDescriptor(adopting: file.duplicate(), for: .input)
        let device = ConsoleDevice(ports: [ConsolePort(input: input, output: nil)], queueSize: 16)
        let executor = try ThreadExecutor()
        let driver = try MMIODriver(device, executor: executor)
        try driver.start([.version1, .ringReset], only: [0])
        let memory = driver.memory
        let untouched = [UInt8](repeating: 0xa5, count: 0x2_0000)
        var received = 0
        for round in 0..<200 as Range<UInt64> {
            let queue = try #require(driver.queue(0))
            let buffers = (0..<16).map { _ in queue.buffer(room: 4096) }
            for buffer in buffers { try queue.send([buffer]) }
            driver.notify(0)
            driver.resetQueue(0)
            while let used = try queue.takeUsed() { received += Int(used.written) }
            let area = queue.configuration.descriptorTable
            try memory.fill(0xa5, at: area, byteCount: UInt64(untouched.count))
            try driver.setUp(0, size: 16, at: GuestAddress(0x20_0000 + (round & 1) << 18))
            driver.notify(0)
            executor.performAndWait {}
            var bytes = [UInt8](repeating: 0, count: untouched.count)
            try bytes.withUnsafeMutableBytes { try memory.read(at: area, into: $0) }
            try #require(bytes == untouched, "round \(round)")
        }
        #expect(received > 0 && driver.status == 0xf)
        driver.transport.shutDown()
        executor.stop()
    }
}
