// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport

/// Consoles that are saved at work and go on elsewhere, with other descriptors on the host.
@Suite struct ConsoleStateTests {
    private typealias Failure = MMIORestoreError<ConsoleStateError>

    /// Two ports with a pipe in each direction.
    private final class Host {
        let log = EventLog()
        var ends: [(input: End, output: End)] = []
        let device: ConsoleDevice

        init(size: ConsoleSize? = ConsoleSize(columns: 80, rows: 25)) throws {
            var ports: [ConsolePort] = []
            for number in 0..<2 {
                let (toGuest, writes) = try makePipe()
                let (output, fromGuest) = try makePipe()
                ends.append((writes.end, output))
                let log = self.log
                ports.append(
                    ConsolePort(
                        name: "port\(number)", isConsole: number == 0,
                        input: try HostDescriptor(adopting: toGuest.file.duplicate(), for: .input),
                        output: try HostDescriptor(adopting: fromGuest.take(), for: .output)
                    ) { log.events.append($0) })
            }
            device = ConsoleDevice(ports: ports, size: size, queueSize: 16)
        }
    }

    private func say(_ driver: MMIODriver, _ port: UInt8, _ event: UInt8, _ value: UInt8) throws {
        let queue = try #require(driver.queue(3))
        try queue.send([try queue.buffer(of: [port, 0, 0, 0, event, 0, value, 0])])
        driver.notify(3)
        while try queue.takeUsed() != nil {}
    }

    private func send(_ driver: MMIODriver, _ bytes: [UInt8], queue index: Int) throws {
        let queue = try #require(driver.queue(index))
        try queue.send([try queue.buffer(of: bytes)])
        driver.notify(index)
    }

    private func messages(_ driver: MMIODriver, _ buffers: inout [UInt32: DriverQueue.Buffer]) throws -> [[UInt8]] {
        let queue = try #require(driver.queue(2))
        var heard: [[UInt8]] = []
        while let used = try queue.takeUsed() {
            let known = buffers.removeValue(forKey: used.head)
            let buffer = try #require(known)
            heard.append(Array(try queue.bytes(of: buffer).prefix(Int(used.written))))
        }
        return heard
    }

    @Test("bytes in both directions pass once, from the byte on at which the machine stood still")
    func bytes() throws {
        let first = try Host()
        let driver = try MMIODriver(first.device)
        try driver.start()
        try say(driver, 1, 6, 1)
        // More than a pipe holds: written in part, the rest is in the ring.
        let long = (0..<200_000).map { UInt8(truncatingIfNeeded: $0 / 251 &+ $0) }
        try send(driver, long, queue: 5)
        driver.transport.pause()
        let room = try #require(driver.queue(4)).buffer(room: 16)
        try #require(driver.queue(4)).send([room])
        try send(driver, [1, 2, 3], queue: 5)
        #expect(first.ends[1].input.write([9, 9]) == 2)
        driver.notify(4)
        #expect(try driver.queue(4)?.takeUsed() == nil)
        let written = first.ends[1].output.readAll()
        #expect(!written.isEmpty && written.count < long.count)

        let second = try Host()
        let next = try driver.move(from: first.device, to: second.device)
        #expect(second.log.events == [.guestOpened])
        var rest = second.ends[1].output.readAll()
        for _ in 0..<100 where written.count + rest.count < long.count + 3 {
            next.turn(milliseconds: 0)
            rest += second.ends[1].output.readAll()
        }
        #expect(written + rest == long + [1, 2, 3])
        #expect(second.ends[1].input.write([7, 8]) == 2)
        next.turn(milliseconds: 0)
        #expect(try next.queue(4)?.takeUsed()?.written == 2)
        #expect(try next.queue(4)?.bytes(of: room).prefix(2) == [7, 8])
        // What the first host's program wrote while the machine stood still was not taken from it.
        #expect(first.device.counters.receivedBytes == 0)
    }

    @Test("messages that the guest had not taken reach it after the restore, each once")
    func owed() throws {
        let first = try Host()
        let driver = try MMIODriver(first.device)
        try driver.start()
        try say(driver, 0, 0, 1)
        try say(driver, 0, 3, 1)
        let second = try Host()
        let next = try driver.move(from: first.device, to: second.device)
        var buffers: [UInt32: DriverQueue.Buffer] = [:]
        let queue = try #require(next.queue(2))
        for _ in 0..<10 {
            let buffer = queue.buffer(room: 300)
            buffers[UInt32(try #require(try queue.send([buffer])))] = buffer
        }
        next.notify(2)
        let heard = try messages(next, &buffers)
        // DEVICE_ADD, CONSOLE_PORT, RESIZE, PORT_OPEN, PORT_NAME of port 0; DEVICE_ADD of port 1.
        #expect(heard.map { [$0[0], $0[4]] } == [[0, 1], [0, 4], [0, 5], [0, 6], [0, 7], [1, 1]])
    }

    @Test("a close that follows bytes still in the ring is reported after them, in the restored console")
    func closing() throws {
        for isReopened in [false, true] {
            let first = try Host()
            let driver = try MMIODriver(first.device)
            try driver.start()
            try say(driver, 1, 6, 1)
            let long = [UInt8](repeating: 5, count: 100_000)
            try send(driver, long, queue: 5)
            try say(driver, 1, 6, 0)
            if isReopened { try say(driver, 1, 6, 1) }
            #expect(first.log.events == [.guestOpened])
            let written = first.ends[1].output.readAll().count
            let second = try Host()
            let next = try driver.move(from: first.device, to: second.device)
            var rest = second.ends[1].output.readAll().count
            for _ in 0..<100 where written + rest < long.count {
                next.turn(milliseconds: 0)
                rest += second.ends[1].output.readAll().count
            }
            #expect(written + rest == long.count)
            #expect(second.log.events == [.guestOpened, .guestClosed] + (isReopened ? [.guestOpened] : []))
        }
    }

    @Test("a port that was taken away stays away, and its descriptors are closed; the guest hears of it once")
    func removed() throws {
        let first = try Host()
        let driver = try MMIODriver(first.device)
        try driver.start()
        first.device.removePort(1)
        let second = try Host()
        let next = try driver.move(from: first.device, to: second.device)
        #expect(second.device.ports[1] == nil)
        let queue = try #require(next.queue(2))
        var buffers: [UInt32: DriverQueue.Buffer] = [:]
        for _ in 0..<2 {
            let buffer = queue.buffer(room: 300)
            buffers[UInt32(try #require(try queue.send([buffer])))] = buffer
        }
        next.notify(2)
        #expect(try messages(next, &buffers) == [[1, 0, 0, 0, 2, 0, 0, 0]])
        // A new driver never heard of the port.
        try next.start()
        #expect(second.device.save().untoldRemovals == [])
    }

    @Test("a guest whose host end was closed hears that it is open again, since it is another one")
    func hostClosed() throws {
        let (toGuest, writes) = try makePipe()
        let port = ConsolePort(input: try HostDescriptor(adopting: toGuest.file.duplicate(), for: .input), output: nil)
        let device = ConsoleDevice(ports: [port], queueSize: 16)
        let driver = try MMIODriver(device)
        try driver.start()
        try say(driver, 0, 3, 1)
        try say(driver, 0, 6, 1)
        let input = try #require(driver.queue(0))
        try input.send([input.buffer(room: 8)])
        driver.notify(0)
        _ = writes.end
        driver.turn(milliseconds: 0)
        #expect(device.save().running?.ports[0]?.isHostClosed == true)
        let (again, keep) = try makePipe()
        let fresh = ConsoleDevice(
            ports: [ConsolePort(input: try HostDescriptor(adopting: again.file.duplicate(), for: .input), output: nil)],
            queueSize: 16)
        let next = try driver.move(from: device, to: fresh)
        let queue = try #require(next.queue(2))
        var buffers: [UInt32: DriverQueue.Buffer] = [:]
        let buffer = queue.buffer(room: 300)
        buffers[UInt32(try #require(try queue.send([buffer])))] = buffer
        next.notify(2)
        #expect(try messages(next, &buffers) == [[0, 0, 0, 0, 6, 0, 1, 0]])
        _ = keep
    }

    @Test("the size that a console had changed to is what the guest reads after a restore")
    func size() throws {
        let first = try Host()
        let driver = try MMIODriver(first.device)
        try driver.start()
        first.device.resize(to: ConsoleSize(columns: 100, rows: 30))
        let generation = driver.read(MMIODriver.Register.configGeneration)
        let second = try Host()
        let next = try driver.move(from: first.device, to: second.device)
        #expect(next.config(0..<4) == [100, 0, 30, 0])
        #expect(next.read(MMIODriver.Register.configGeneration) == generation)
    }

    @Test("a state that contradicts itself, or is of another console, is a typed error")
    func refused() throws {
        func refusal(
            _ features: VirtioFeatures? = nil, _ change: (inout ConsoleState) -> Void
        ) throws -> Failure? {
            let first = try Host()
            let driver = try MMIODriver(first.device)
            try driver.start(features)
            if features == nil { try say(driver, 1, 6, 1) }
            do {
                _ = try driver.move(from: first.device, to: Host().device) { change(&$0.device) }
                return nil
            } catch let error as Failure {
                return error
            }
        }
        func refusal(
            ofPort number: Int, _ features: VirtioFeatures? = nil, _ change: (inout ConsoleState.Port?) -> Void
        ) throws -> Failure? {
            try refusal(features) { state in
                guard var running = state.running else { return }
                change(&running.ports[number])
                state.running = running
            }
        }
        #expect(try refusal { _ in } == nil)
        #expect(try refusal { $0.size = nil } == .device(.size(nil)))
        #expect(try refusal { $0.portCount = 3 } == .device(.portCount(saved: 3, 2)))
        #expect(try refusal { $0.running?.ports.append(nil) } == .registers(.activity(queue: nil)))
        #expect(try refusal { $0.running?.ports.removeLast() } == .device(.portCount(saved: 1, 2)))
        #expect(try refusal { $0.removedPorts = [2] } == .device(.removal(port: 2)))
        #expect(try refusal { $0.removedPorts = [.max] } == .device(.removal(port: .max)))
        #expect(try refusal { $0.removedPorts = [1] } == .device(.removal(port: 1)))
        #expect(try refusal { $0.untoldRemovals = [1] } == .device(.removal(port: 1)))
        #expect(try refusal(ofPort: 1) { $0 = nil } == .device(.removal(port: 1)))
        // Those that a driver can take away.
        let unresettable: VirtioFeatures = [.version1, .bit(1)]
        #expect(try refusal(unresettable) { _ in } == nil)
        #expect(try refusal(unresettable) { $0.running?.controlReceive = nil } == .device(.control))
        #expect(try refusal(unresettable) { $0.running?.controlTransmit = nil } == .device(.control))
        #expect(try refusal { $0.running?.controlReceive = nil } == nil)
        #expect(
            try refusal(ofPort: 0) { $0?.transmit?.inFlight = 1 } == .device(.queue(.inFlight(index: 1, 1))))
        for bad in [1, 64, 128, 255] as [UInt8] {
            #expect(try refusal(ofPort: 1) { $0?.owedMessages = bad } == .device(.port(1)))
        }
        #expect(
            try refusal(ofPort: 1) { $0?.opening = .closing(afterChains: 0, isReopened: false) } == .device(.port(1)))
        #expect(
            try refusal(ofPort: 1) { $0?.opening = .closing(afterChains: 17, isReopened: true) } == .device(.port(1)))
        #expect(try refusal(ofPort: 1) { $0?.opening = .closing(afterChains: 16, isReopened: true) } == nil)
        #expect(try refusal(ofPort: 1) { $0?.writtenByteCount = .max } == nil)
        #expect(
            try refusal(ofPort: 1) {
                $0?.transmit = nil
                $0?.writtenByteCount = 1
            } == .device(.port(1)))
        // Without MULTIPORT nothing is said about ports, and there is one.
        let single: VirtioFeatures = .version1
        #expect(try refusal(single) { _ in } == nil)
        #expect(
            try refusal(single) { state in
                let queue = state.running?.ports[0]?.receive
                state.running?.controlReceive = queue
            } == .registers(.activity(queue: 2)))
        #expect(try refusal(ofPort: 0, single) { $0?.opening = .closed } == .device(.port(0)))
        #expect(try refusal(ofPort: 0, single) { $0?.isReady = true } == .device(.port(0)))
        #expect(try refusal(ofPort: 0, single) { $0?.owedMessages = 2 } == .device(.port(0)))
        #expect(try refusal(ofPort: 1, single) { $0?.opening = .open } == .device(.port(1)))
    }
}
