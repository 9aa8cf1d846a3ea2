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

/// One end of a pipe or socket pair in a class, so that tests can keep several.
final class End {
    let file: FileDescriptor
    init(_ file: consuming FileDescriptor) { self.file = file }

    func write(_ bytes: [UInt8]) -> Int { Glibc.write(file.rawValue, bytes, bytes.count) }

    /// What is there now, without waiting.
    func readAll(upTo limit: Int = 1 << 20) -> [UInt8] {
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 4096)
        _ = fcntl(file.rawValue, F_SETFL, O_NONBLOCK)
        while result.count < limit {
            let count = Glibc.read(file.rawValue, &buffer, min(buffer.count, limit - result.count))
            guard count > 0 else { break }
            result.append(contentsOf: buffer[0..<count])
        }
        return result
    }
}

/// A pipe: what is read, and what is written.
func makePipe() throws -> (End, FileDescriptorBox) {
    var numbers: [Int32] = [0, 0]
    try #require(pipe(&numbers) == 0)
    return (End(FileDescriptor(owning: numbers[0])), FileDescriptorBox(numbers[1]))
}

/// A descriptor on its way to an owner.
final class FileDescriptorBox {
    private var number: Int32
    init(_ number: Int32) { self.number = number }
    deinit { if number >= 0 { close(number) } }
    func take() -> FileDescriptor {
        defer { number = -1 }
        return FileDescriptor(owning: number)
    }
    var end: End { End(take()) }
}

/// A console with the driver's side of its control queues.
final class ConsoleRig {
    let device: ConsoleDevice
    let driver: MMIODriver
    var said: [[UInt8]] = []
    private var controlBuffers: [UInt16: DriverQueue.Buffer] = [:]
    private var receiveBuffers: [Int: [UInt16: DriverQueue.Buffer]] = [:]

    init(_ ports: [ConsolePort], size: ConsoleSize? = nil, queueSize: UInt16 = 16) throws {
        device = ConsoleDevice(ports: ports, size: size, queueSize: queueSize)
        driver = try MMIODriver(device)
        try driver.start()
    }

    static func receiveQueue(_ port: Int) -> Int { port == 0 ? 0 : 2 * port + 2 }

    func queue(_ index: Int) throws -> DriverQueue { try #require(driver.queue(index)) }

    /// Gives the device room for control messages.
    func offerControl(_ count: Int = 8) throws {
        let queue = try self.queue(2)
        for _ in 0..<count {
            let buffer = queue.buffer(room: 300)
            controlBuffers[try #require(try queue.send([buffer]))] = buffer
        }
        driver.notify(2)
    }

    /// Takes the messages that came.
    func heard() throws -> [[UInt8]] {
        let queue = try self.queue(2)
        var result: [[UInt8]] = []
        while let used = try queue.takeUsed() {
            let known = controlBuffers.removeValue(forKey: UInt16(used.head))
            let buffer = try #require(known)
            result.append(Array(try queue.bytes(of: buffer).prefix(Int(used.written))))
        }
        return result
    }

    func say(_ port: UInt32, _ event: UInt16, _ value: UInt16) throws {
        let queue = try queue(3)
        var bytes: [UInt8] = []
        withUnsafeBytes(of: port) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: event) { bytes.append(contentsOf: $0) }
        withUnsafeBytes(of: value) { bytes.append(contentsOf: $0) }
        try queue.send([try queue.buffer(of: bytes)])
        driver.notify(3)
        while try queue.takeUsed() != nil {}
    }

    /// Guest writes to a port.
    @discardableResult
    func send(_ bytes: [UInt8], port: Int, notify: Bool = true) throws -> UInt16? {
        let index = Self.receiveQueue(port) + 1
        let queue = try queue(index)
        let head = try queue.send([try queue.buffer(of: bytes)])
        if notify { driver.notify(index) }
        return head
    }

    /// How many transmit chains came back.
    func sentCount(port: Int) throws -> Int {
        let queue = try queue(Self.receiveQueue(port) + 1)
        var count = 0
        while try queue.takeUsed() != nil { count += 1 }
        return count
    }

    func offerReceive(port: Int, room: UInt32, count: Int = 1) throws {
        let index = Self.receiveQueue(port)
        let queue = try queue(index)
        for _ in 0..<count {
            let buffer = queue.buffer(room: room)
            receiveBuffers[port, default: [:]][try #require(try queue.send([buffer]))] = buffer
        }
        driver.notify(index)
    }

    func received(port: Int) throws -> [UInt8] {
        let queue = try queue(Self.receiveQueue(port))
        var result: [UInt8] = []
        while let used = try queue.takeUsed() {
            let known = receiveBuffers[port]?.removeValue(forKey: UInt16(used.head))
            let buffer = try #require(known)
            result.append(contentsOf: try queue.bytes(of: buffer).prefix(Int(used.written)))
        }
        return result
    }

    func openPort(_ port: UInt32) throws {
        try say(port, 3, 1)
        try say(port, 6, 1)
    }
}

/// Events of a port, in order.
final class EventLog {
    var events: [ConsolePort.Event] = []
}

@Suite struct ConsoleDeviceTests {
    @Test("the driver learns of each port, its kind, size and name, and that the host has it open")
    func introducesPorts() throws {
        let rig = try ConsoleRig(
            [
                ConsolePort(isConsole: true, input: nil, output: nil),
                ConsolePort(name: "stdin", input: nil, output: nil),
            ],
            size: ConsoleSize(columns: 80, rows: 25))
        try rig.offerControl()
        #expect(try rig.heard().isEmpty)
        try rig.say(0, 0, 1)
        #expect(try rig.heard() == [[0, 0, 0, 0, 1, 0, 0, 0], [1, 0, 0, 0, 1, 0, 0, 0]])
        try rig.say(0, 3, 1)
        #expect(
            try rig.heard() == [
                [0, 0, 0, 0, 4, 0, 1, 0], [0, 0, 0, 0, 5, 0, 0, 0, 25, 0, 80, 0], [0, 0, 0, 0, 6, 0, 1, 0],
            ])
        try rig.say(1, 3, 1)
        #expect(
            try rig.heard() == [
                [1, 0, 0, 0, 6, 0, 1, 0], [1, 0, 0, 0, 7, 0, 1, 0] + Array("stdin".utf8),
            ])
        #expect(rig.driver.config(0..<8) == [80, 0, 25, 0, 2, 0, 0, 0])
    }

    @Test("bytes go through in both directions unchanged")
    func binaryClean() throws {
        let (hostReads, guestWrites) = try makePipe()
        let (guestReads, hostWrites) = try makePipe()
        let bytes = (0...255).map { UInt8($0) }
        let input = try HostDescriptor(adopting: guestReads.file.duplicate(), for: .input)
        let output = try HostDescriptor(adopting: guestWrites.take(), for: .output)
        let rig = try ConsoleRig([ConsolePort(input: input, output: output)])
        try rig.openPort(0)
        try rig.send(bytes, port: 0)
        #expect(hostReads.readAll() == bytes)
        #expect(try rig.sentCount(port: 0) == 1)
        #expect(hostWrites.end.write(bytes) == 256)
        try rig.offerReceive(port: 0, room: 100, count: 4)
        #expect(try rig.received(port: 0) == bytes)
    }

    @Test("a host that takes no more leaves the rest in the guest's ring, and nothing is lost or doubled")
    func backPressure() throws {
        let (hostReads, guestWrites) = try makePipe()
        let log = EventLog()
        let output = try HostDescriptor(adopting: guestWrites.take(), for: .output)
        let port = ConsolePort(input: nil, output: output) { log.events.append($0) }
        let rig = try ConsoleRig([port])
        try rig.openPort(0)
        var sent: [UInt8] = []
        for round in 0..<12 {
            let chunk = (0..<10_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ round) }
            sent.append(contentsOf: chunk)
            try rig.send(chunk, port: 0)
        }
        try rig.say(0, 6, 0)
        let taken = try rig.sentCount(port: 0)
        #expect(taken < 12)
        #expect(log.events == [.guestOpened])
        #expect(rig.device.hasUnwrittenOutput)
        var received: [UInt8] = []
        for _ in 0..<100 {
            received.append(contentsOf: hostReads.readAll(upTo: 7_777))
            for source in rig.driver.events.sources.values where !source.isRemoved {
                #expect(source.interest == .write)
            }
            rig.fireAll(.write)
        }
        #expect(received == sent)
        #expect(log.events == [.guestOpened, .guestClosed])
        #expect(try rig.sentCount(port: 0) == 12 - taken)
        #expect(!rig.device.hasUnwrittenOutput)
    }

    @Test("the end of the input is told after its last byte, and only once the guest had room for all of it")
    func endOfInput() throws {
        let (guestReads, hostWrites) = try makePipe()
        let log = EventLog()
        let input = try HostDescriptor(adopting: guestReads.file.duplicate(), for: .input)
        let port = ConsolePort(name: "stdin", input: input, output: nil) { log.events.append($0) }
        let rig = try ConsoleRig([port])
        try rig.offerControl()
        try rig.openPort(0)
        _ = try rig.heard()
        do {
            let end = hostWrites.end
            #expect(end.write([1, 2, 3, 4, 5]) == 5)
        }
        try rig.offerReceive(port: 0, room: 4)
        #expect(try rig.received(port: 0) == [1, 2, 3, 4])
        #expect(try rig.heard().isEmpty)
        try rig.offerReceive(port: 0, room: 4, count: 2)
        #expect(try rig.received(port: 0) == [5])
        #expect(try rig.heard() == [[0, 0, 0, 0, 6, 0, 0, 0]])
        #expect(log.events == [.guestOpened, .inputEnded])
    }

    @Test("input is not read before the guest has the port open")
    func waitsForTheGuest() throws {
        let (guestReads, hostWrites) = try makePipe()
        let rig = try ConsoleRig([
            ConsolePort(input: try HostDescriptor(adopting: guestReads.file.duplicate(), for: .input), output: nil)
        ])
        #expect(hostWrites.end.write([7]) == 1)
        try rig.offerReceive(port: 0, room: 4)
        #expect(try rig.received(port: 0).isEmpty)
        try rig.say(0, 6, 1)
        #expect(try rig.received(port: 0) == [7])
    }

    @Test("a reader that is gone is reported once, and what the guest sends is discarded from then on")
    func readerGone() throws {
        let (hostReads, guestWrites) = try makePipe()
        let log = EventLog()
        let output = try HostDescriptor(adopting: guestWrites.take(), for: .output)
        let rig = try ConsoleRig([ConsolePort(input: nil, output: output) { log.events.append($0) }])
        try rig.openPort(0)
        try rig.send([1], port: 0)
        #expect(hostReads.readAll() == [1])
        hostReads.closeNow()
        try rig.send([2, 3], port: 0)
        try rig.send([4], port: 0)
        try rig.say(0, 6, 0)
        #expect(try rig.sentCount(port: 0) == 3)
        #expect(log.events == [.guestOpened, .outputFailed(.brokenPipe), .guestClosed])
        #expect(rig.device.counters.discardedBytes == 3)
    }
}

extension ConsoleRig {
    func fireAll(_ events: EventSet) {
        for (number, source) in driver.events.sources where !source.isRemoved {
            let borrowed = FileDescriptor(owning: number)
            driver.events.fire(events, on: borrowed)
            _ = borrowed.release()
        }
    }
}

extension End {
    /// Replaces the descriptor by one of /dev/null: its end of the pipe is closed.
    func closeNow() {
        let null = open("/dev/null", O_RDWR)
        dup2(null, file.rawValue)
        close(null)
    }
}
