// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport

private typealias Register = MMIODriver.Register

/// A device that can restart queues and remembers what it was asked for.
private final class RestartProbe: QueueResettableDevice {
    enum Call: Equatable {
        case activate([UInt16])
        case notified(UInt16)
        case resetQueue(UInt16)
        case restartQueue(UInt16, size: UInt16)
        case reset
    }

    var calls: [Call] = []
    var failure: ActivationError?
    var whileResetting: () -> Void = {}
    let deviceID = DeviceID(rawValue: 45)
    let queueMaximumSizes: [UInt16] = [16, 16]
    let offeredFeatures = VirtioFeatures.implementedByQueue
    let initialConfiguration: [UInt8] = []

    func attach(to host: DeviceHost) {}
    func activate(_ activation: Activation) {
        calls.append(.activate(activation.queues.indices.filter { activation.queues[$0] != nil }.map(UInt16.init)))
    }
    func queueNotified(_ index: UInt16) -> QueueService {
        calls.append(.notified(index))
        return .drained
    }
    func resetQueue(_ index: UInt16) {
        calls.append(.resetQueue(index))
        whileResetting()
    }
    func restartQueue(_ index: UInt16, _ queue: Queue) throws(ActivationError) {
        calls.append(.restartQueue(index, size: queue.size))
        if let failure { throw failure }
    }
    func reset() { calls.append(.reset) }

    func takeCalls() -> [Call] {
        defer { calls = [] }
        return calls
    }
}

/// A virtqueue is reset by itself, and set up again, while the device runs (virtio 1.2, 2.6.1 and 4.2.2).
@Suite struct QueueResetTests {
    private let device = RestartProbe()
    private let executor = ManualExecutor()
    private let driver: MMIODriver
    private let other: QueueConfiguration

    init() throws {
        driver = try MMIODriver(device, executor: executor)
        other = try DriverQueue(memory: driver.memory, size: 8, at: GuestAddress(0x30_0000)).configuration
    }

    /// Brings the device up and forgets how.
    private func start(_ features: VirtioFeatures? = nil) throws {
        try driver.start(features)
        executor.run()
        device.calls = []
    }

    @Test("VIRTIO_F_RING_RESET is offered for devices that can restart a queue, and for no others")
    func offer() throws {
        #expect(driver.offeredFeatures.contains(.ringReset))
        #expect(try !MMIODriver(ProbeDevice()).offeredFeatures.contains(.ringReset))
        for device in [EntropyDevice(), BlockDevice(disk: nil), ConsoleDevice(ports: [])] as [any VirtioDevice] {
            #expect(try MMIODriver(device).offeredFeatures.contains(.ringReset))
        }
    }

    @Test("a reset queue is let go of before the write returns, reads as after power-on, and the others stay")
    func resetsOne() throws {
        try start()
        driver.resetQueue(1)
        #expect(device.takeCalls() == [.resetQueue(1)])
        #expect(driver.read(Register.queueReset) == 0)
        #expect(driver.read(Register.queueReady) == 0)
        #expect(driver.read(Register.queueSizeMax) == 16)
        driver.write(Register.queueSelect, 0)
        #expect(driver.read(Register.queueReady) == 1)
        driver.notify(0)
        executor.run()
        #expect(device.takeCalls() == [.notified(0)])
        #expect(driver.status == 0xf)
    }

    @Test("a reset queue starts anew where the driver puts it, of the size that it says, and is served once")
    func restarts() throws {
        try start()
        for _ in 0..<3 {
            driver.resetQueue(1)
            driver.setUp(1, other)
            #expect(driver.read(Register.queueReady) == 1)
            executor.run()
            #expect(device.takeCalls() == [.resetQueue(1), .restartQueue(1, size: 8), .notified(1)])
        }
        // Ready already: nothing begins twice.
        driver.write(Register.queueReady, 1)
        executor.run()
        #expect(device.takeCalls() == [])
    }

    @Test("a queue in use is frozen until it is reset, and no field can be set without the feature")
    func window() throws {
        try start()
        driver.write(Register.queueSelect, 1)
        driver.write(Register.queueReady, 0)
        #expect(driver.read(Register.queueReady) == 1)

        try start([.version1])
        driver.resetQueue(1)
        #expect(driver.read(Register.queueReady) == 1)
        #expect(device.takeCalls() == [])
    }

    @Test("QueueReset does nothing but for 1, for a queue that is ready, of a device that runs")
    func ignores() throws {
        driver.negotiate()
        driver.setUp(0, other)
        driver.write(Register.queueReset, 1)
        #expect(driver.read(Register.queueReady) == 1)
        try start()
        driver.write(Register.queueSelect, 0)
        for value in [0, 2, 3, ~0] as [UInt32] { driver.write(Register.queueReset, value) }
        for index in [2, 0xffff, 0x1_0000, 0xffff_ffff] {
            driver.resetQueue(index)
            #expect(driver.read(Register.queueReset) == 0)
        }
        #expect(device.takeCalls() == [])
        driver.resetQueue(0)
        driver.resetQueue(0)
        #expect(device.takeCalls() == [.resetQueue(0)])
    }

    @Test("while the device lets go, QueueReset reads 1 and the queue cannot be set up")
    func underWay() throws {
        try start()
        let seen = Seen()
        device.whileResetting = { [driver, other] in
            seen.values.append(driver.read(Register.queueReset))
            driver.setUp(1, other)
            seen.values.append(driver.read(Register.queueReady))
            driver.write(Register.queueReset, 1)
            driver.write(Register.queueSelect, 0)
            seen.values.append(driver.read(Register.queueReset))
        }
        driver.resetQueue(1)
        #expect(seen.values == [1, 0, 0])
        executor.run()
        #expect(device.takeCalls() == [.resetQueue(1)])
    }

    @Test("a queue that is not valid when it comes back makes DEVICE_NEEDS_RESET, as does a device that refuses it")
    func badQueue() throws {
        try start()
        driver.resetQueue(0)
        var bad = other
        bad.usedRing = GuestAddress(0x3000_0000)
        driver.setUp(0, bad)
        executor.run()
        #expect(driver.status == 0x4f)
        #expect(device.takeCalls() == [.resetQueue(0)])

        try start()
        device.failure = .missingQueue(index: 0)
        driver.resetQueue(0)
        driver.setUp(0, other)
        executor.run()
        #expect(driver.status == 0x4f)
        // What a device that has given up still does must end too, for the driver's memory.
        device.calls = []
        driver.resetQueue(1)
        #expect(device.takeCalls() == [.resetQueue(1)])
        driver.setUp(1, other)
        #expect(driver.read(Register.queueReady) == 0)
    }

    @Test("a start that a reset has overtaken, of the queue or the device, does not happen")
    func overtaken() throws {
        try start()
        driver.resetQueue(1)
        driver.setUp(1, other)
        driver.status = 0
        try start()
        #expect(device.takeCalls() == [])
        // DRIVER_OK and the reset of a queue in one go: the device begins with the queue and loses it.
        try driver.start()
        driver.resetQueue(1)
        executor.run()
        #expect(!device.takeCalls().contains(.notified(1)))
    }

    @Test(
        "a device that cannot do without a queue runs when that is reset before the device's thread came to its start")
    func rightAfterTheStart() throws {
        for device in [BlockDevice(disk: MemoryDisk(sectors: 8)), EntropyDevice()] as [any VirtioDevice] {
            let driver = try MMIODriver(device, executor: executor)
            try driver.start()
            driver.resetQueue(0)
            executor.run()
            #expect(driver.status == 0xf)
            driver.setUp(0, other)
            executor.run()
            #expect(driver.status == 0xf && driver.read(Register.queueReady) == 1)
        }
    }

    @Test("a drive answers nothing of before the reset of its queue, and everything after, elsewhere")
    func block() throws {
        let driver = try MMIODriver(BlockDevice(disk: MemoryDisk(sectors: 8)), executor: executor)
        try driver.start()
        executor.run()
        func send(_ queue: DriverQueue) throws {
            try queue.send([
                queue.buffer(of: BlockRig.header(0, sector: 0)), queue.buffer(room: 512), queue.buffer(room: 1),
            ])
        }
        let first = try #require(driver.queue(0))
        try send(first)
        driver.notify(0)
        driver.resetQueue(0)
        #expect(try first.takeUsed()?.written == 513)
        try send(first)
        driver.notify(0)
        executor.run()
        #expect(try first.takeUsed() == nil)
        for round in 1...3 as ClosedRange<UInt64> {
            let queue = try DriverQueue(
                memory: driver.memory, size: 8, at: GuestAddress(0x30_0000 + round << 16), features: first.features)
            driver.setUp(0, queue.configuration)
            try send(queue)
            driver.notify(0)
            executor.run()
            #expect(try queue.takeUsed()?.written == 513)
            driver.resetQueue(0)
        }
        #expect(driver.status == 0xf)
    }

    private final class Seen {
        var values: [UInt32] = []
    }
}
