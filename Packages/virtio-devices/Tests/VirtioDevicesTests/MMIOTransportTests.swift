// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport

private typealias Register = MMIODriver.Register

/// What breaks a queue of 16 at 0x1000, in memory that ends at 0x1001000.
private let badFields: [(UInt64, UInt32)] = [
    (Register.queueSize, 0), (Register.queueSize, 3), (Register.queueSize, 32), (Register.queueSize, 0x1_0010),
    (Register.queueSize, ~0), (0x80, 0x1008), (0x90, 0x1001), (0xa0, 0x1002), (0x80, 0x10), (0x84, 1), (0x94, ~0),
    (0xa4, 0x8000_0000), (0x90, 0x0100_0ffc),
]

@Suite struct MMIOTransportTests {
    @Test("the page identifies itself, its version and the device")
    func identity() throws {
        let driver = try MMIODriver(ProbeDevice())
        #expect(driver.read(0x00) == 0x7472_6976)
        #expect(driver.read(0x04) == 2)
        #expect(driver.read(0x08) == 42)
        #expect(driver.read(0x0c) == 0)
        for register in stride(from: UInt64(0xb0), through: 0xbc, by: 4) { #expect(driver.read(register) == ~0) }
    }

    @Test("status goes 0, 1, 3, 0xb, 0xf, one step at a time; no other write has an effect")
    func statusSteps() throws {
        let steps: [UInt32] = [0, 1, 3, 0xb, 0xf]
        for (position, from) in steps.enumerated() {
            for value in UInt32(1)...255 {
                let driver = try MMIODriver(ProbeDevice())
                for step in steps.prefix(position + 1).dropFirst() {
                    if step == 0xb { driver.accept([.version1]) }
                    driver.status = step
                }
                try #require(driver.status == from)
                if from == 3 { driver.accept([.version1]) }
                driver.status = value
                let isNext = position + 1 < steps.count && value == steps[position + 1]
                let isFailed = value == from | 0x80
                #expect(driver.status == (isNext || isFailed ? value : from), "\(value) from \(from)")
            }
        }
    }

    @Test("FAILED ends everything but a reset")
    func failed() throws {
        let device = ProbeDevice()
        let driver = try MMIODriver(device)
        driver.negotiate()
        driver.status = 0x8b
        driver.status = 0x8f
        #expect(driver.status == 0x8b)
        driver.setUp(0, try DriverQueue(memory: driver.memory, size: 16).configuration)
        #expect(driver.read(Register.queueReady) == 0)
        driver.transport.write(offset: 0x100, value: 9, size: 1)
        driver.notify(0)
        #expect(device.calls == [])
        driver.status = 0
        #expect(driver.status == 0)
        // Of a device that runs, too.
        try driver.start()
        device.calls = []
        driver.status = 0x8f
        driver.transport.write(offset: 0x100, value: 9, size: 1)
        driver.notify(0)
        driver.transport.serveQueue(0)
        #expect(device.calls == [])
        driver.status = 0
        #expect(driver.status == 0 && device.calls == [.reset])
    }

    @Test("FEATURES_OK is refused for a feature that was not offered, on any page, and without VERSION_1")
    func refusesFeatures() throws {
        for bit in 0..<64 where ![3, 29, 32].contains(bit) {
            #expect(try !MMIODriver(ProbeDevice()).negotiate([.version1, .bit(bit)]), "bit \(bit)")
        }
        let driver = try MMIODriver(ProbeDevice())
        #expect(!driver.negotiate([.eventIndex]))
        #expect(driver.status == 3)
        driver.accept([.version1, .eventIndex])
        driver.status = 0xb
        #expect(driver.status == 0xb)

        for page in [UInt32(2), 3, 4, 0x8000_0000, ~0] {
            let driver = try MMIODriver(ProbeDevice())
            driver.status = 1
            driver.status = 3
            driver.accept([.version1])
            driver.write(Register.driverFeaturesSelect, page)
            driver.write(Register.driverFeatures, 1)
            driver.status = 0xb
            #expect(driver.status == 3)
            driver.write(Register.deviceFeaturesSelect, page)
            #expect(driver.read(Register.deviceFeatures) == 0)
        }
    }

    @Test("features are taken between DRIVER and FEATURES_OK only")
    func featureWindow() throws {
        let device = ProbeDevice()
        let driver = try MMIODriver(device)
        driver.accept([.version1])
        driver.status = 1
        driver.accept([.version1])
        driver.status = 3
        driver.status = 0xb
        #expect(driver.status == 3)
        driver.accept([.version1])
        driver.status = 0xb
        driver.accept([.version1, .eventIndex])
        driver.status = 0xf
        #expect(device.calls == [.activate([.version1], [false, false])])
    }

    @Test("queue fields are taken between FEATURES_OK and DRIVER_OK only, and for queues that exist")
    func queueWindow() throws {
        let device = ProbeDevice()
        let driver = try MMIODriver(device)
        let configuration = try DriverQueue(memory: driver.memory, size: 16).configuration
        driver.status = 1
        driver.setUp(0, configuration)
        #expect(driver.read(Register.queueReady) == 0)
        driver.negotiate()
        device.calls = []
        for index in [2, 3, 0xffff, 0x10000, 0x7fff_ffff, 0xffff_ffff] {
            driver.setUp(index, configuration)
            #expect(driver.read(Register.queueSizeMax) == 0)
            #expect(driver.read(Register.queueReady) == 0)
        }
        driver.setUp(1, configuration)
        #expect(driver.read(Register.queueSizeMax) == 16)
        #expect(driver.read(Register.queueReady) == 1)
        driver.write(Register.queueSelect, 0)
        #expect(driver.read(Register.queueReady) == 0)
        driver.status = 0xf
        driver.setUp(0, configuration)
        #expect(driver.read(Register.queueReady) == 0)
        #expect(device.calls == [.activate([.version1, .eventIndex, .bit(3)], [false, true]), .notified(1)])
        driver.status = 0
        driver.write(Register.queueSelect, 1)
        #expect(driver.read(Register.queueReady) == 0)
    }

    @Test(
        "a queue that is not valid makes DEVICE_NEEDS_RESET and a configuration interrupt, and a reset mends it",
        arguments: badFields)
    func badQueue(register: UInt64, value: UInt32) throws {
        let device = ProbeDevice()
        let driver = try MMIODriver(device)
        let configuration = try DriverQueue(memory: driver.memory, size: 16).configuration
        driver.negotiate()
        driver.setUp(0, configuration)
        driver.write(register, value)
        driver.status = 0xf
        #expect(driver.status == 0x4f)
        #expect(driver.read(Register.interruptStatus) == 2)
        #expect(driver.line.count == 1)
        #expect(device.calls.isEmpty)
        driver.notify(0)
        #expect(device.calls.isEmpty)
        try driver.start()
        #expect(driver.status == 0xf)
        #expect(driver.read(Register.interruptStatus) == 0)
    }

    @Test("a device that cannot start makes DEVICE_NEEDS_RESET, and is called no more before a reset")
    func failedActivation() throws {
        let device = ProbeDevice()
        device.failure = .host(.noMemory)
        let driver = try MMIODriver(device)
        try driver.start()
        #expect(driver.status == 0x4f)
        #expect(driver.takeInterrupts() == 2)
        device.calls = []
        driver.notify(0)
        driver.transport.serveQueue(0)
        driver.transport.write(offset: 0x100, value: 1, size: 1)
        driver.status = 0x4f
        #expect(device.calls.isEmpty)
        device.failure = nil
        try driver.start()
        #expect(driver.status == 0xf)
    }

    @Test("registers take aligned 4-byte accesses only")
    func accessWidth() throws {
        let driver = try MMIODriver(ProbeDevice())
        for size in [0, 1, 2, 3, 5, 8, 9, -1] { #expect(driver.transport.read(offset: 0, size: size) == 0) }
        for offset in [UInt64(1), 2, 3] { #expect(driver.transport.read(offset: offset, size: 4) == 0) }
        for size in [1, 2, 8] { driver.transport.write(offset: Register.status, value: 1, size: size) }
        driver.transport.write(offset: Register.status + 2, value: 1, size: 4)
        #expect(driver.status == 0)
        #expect(driver.transport.read(offset: .max, size: 4) == 0)
        #expect(driver.transport.read(offset: 0x1000, size: 4) == 0)
    }

    @Test("the configuration space is read at any width, and zeros follow its end")
    func configReads() throws {
        let driver = try MMIODriver(ProbeDevice())
        #expect(driver.transport.read(offset: 0x100, size: 1) == 1)
        #expect(driver.transport.read(offset: 0x101, size: 2) == 0x0302)
        #expect(driver.transport.read(offset: 0x102, size: 4) == 0x0605_0403)
        #expect(driver.transport.read(offset: 0x100, size: 8) == 0x0807_0605_0403_0201)
        #expect(driver.transport.read(offset: 0x108, size: 8) == 0x0a09)
        #expect(driver.transport.read(offset: 0x10a, size: 4) == 0)
        #expect(driver.transport.read(offset: 0xfff, size: 8) == 0)
    }

    @Test("configuration writes reach the device from DRIVER on, cut at the end, and change nothing by themselves")
    func configWrites() throws {
        let device = ProbeDevice()
        let driver = try MMIODriver(device)
        driver.transport.write(offset: 0x100, value: 9, size: 1)
        driver.status = 1
        driver.transport.write(offset: 0x100, value: 9, size: 1)
        #expect(device.calls.isEmpty)
        driver.status = 3
        driver.transport.write(offset: 0x101, value: 0x1122, size: 2)
        driver.transport.write(offset: 0x108, value: 0x0403_0201, size: 4)
        driver.transport.write(offset: 0x10a, value: 1, size: 1)
        #expect(device.calls == [.config([0x22, 0x11], 1), .config([1, 2], 8)])
        #expect(driver.config(0..<10) == device.initialConfiguration)
    }

    @Test("published bytes bump the generation and interrupt a running driver, unless they are the same")
    func publishes() throws {
        let device = ProbeDevice()
        let driver = try MMIODriver(device)
        let sink = try #require(device.host).configuration
        sink.publish([9])
        #expect(driver.config(0..<2) == [9, 2])
        #expect(driver.read(Register.configGeneration) == 1)
        #expect(driver.line.count == 0)
        try driver.start()
        sink.publish([9, 2])
        #expect(driver.read(Register.configGeneration) == 1)
        sink.publish([UInt8](repeating: 7, count: 100))
        #expect(driver.config(0..<12) == [7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 0, 0])
        #expect(driver.read(Register.configGeneration) == 2)
        #expect(driver.takeInterrupts() == 2)
        driver.status = 0
        #expect(driver.read(Register.configGeneration) == 2)
    }

    @Test("interrupt bits stand until they are acknowledged")
    func interrupts() throws {
        let device = ProbeDevice()
        let driver = try MMIODriver(device)
        try driver.start()
        let interrupt = try #require(device.activation).interrupt
        interrupt.signalQueue(0)
        interrupt.signalConfiguration()
        #expect(driver.line.count == 2)
        #expect(driver.read(Register.interruptStatus) == 3)
        driver.write(Register.interruptACK, 1)
        #expect(driver.read(Register.interruptStatus) == 2)
        driver.write(Register.interruptACK, ~0)
        #expect(driver.read(Register.interruptStatus) == 0)
    }

    @Test("nothing enters the device on the vCPU's thread; each ready queue is served once after activation")
    func posts() throws {
        let device = ProbeDevice()
        let executor = ManualExecutor()
        let driver = try MMIODriver(device, executor: executor)
        try driver.start(only: [1])
        for _ in 0..<100 { driver.notify(1) }
        #expect(device.calls.isEmpty)
        #expect(executor.count == 2)
        executor.run()
        #expect(
            device.calls == [
                .activate([.version1, .eventIndex, .bit(3)], [false, true]), .notified(1), .notified(1),
            ])
        for index in [2, 3, 0xffff, 0x10000, 0x1_0001, 0xffff_ffff] { driver.notify(index) }
        #expect(executor.count == 0)
    }

    @Test("a device that asks for more is called again behind what waits, and never twice at once")
    func servesAgain() throws {
        let device = ProbeDevice()
        let executor = ManualExecutor()
        let driver = try MMIODriver(device, executor: executor)
        try driver.start()
        executor.run()
        device.calls = []
        device.answers = [.again, .again, .drained]
        driver.transport.serveQueue(0)
        #expect(device.calls.count == 1)
        #expect(executor.count == 1)
        driver.notify(0)
        #expect(executor.count == 1)
        executor.run()
        #expect(device.calls.count == 3)
    }

    @Test("a reset returns once the device let go; what was posted before does not happen after")
    func resets() throws {
        let device = ProbeDevice()
        let executor = ManualExecutor()
        let driver = try MMIODriver(device, executor: executor)
        try driver.start()
        driver.notify(0)
        driver.transport.write(offset: 0x100, value: 1, size: 1)
        driver.status = 0
        #expect(device.calls.last == .reset)
        #expect(executor.count == 0)
        #expect(driver.status == 0)
        // Nothing to reset, nobody to wait for.
        device.calls = []
        driver.status = 0
        #expect(device.calls.isEmpty)
    }

    @Test("a flood of configuration writes waits for the device instead of piling up")
    func boundsConfigWrites() throws {
        let device = ProbeDevice()
        let executor = ManualExecutor()
        let driver = try MMIODriver(device, executor: executor)
        driver.status = 1
        driver.status = 3
        for _ in 0..<1000 { driver.transport.write(offset: 0x100, value: 1, size: 1) }
        #expect(executor.count <= 64)
        executor.run()
        #expect(device.calls.count == 1000)
    }

    @Test("every register, width and value in every state of the driver is survived, and leaves a page that can start")
    func sweep() throws {
        let values: [UInt64] = [0, 1, 15, 16, 17, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, ~0]
        for state in [UInt32(0), 1, 3, 0xb, 0xf, 0x8f, 0x4f] {
            let device = ProbeDevice()
            let driver = try MMIODriver(device)
            func enter() throws {
                driver.status = 0
                switch state {
                case 0: break
                case 1: driver.status = 1
                case 3: for step in [UInt32(1), 3] { driver.status = step }
                case 0xb: driver.negotiate()
                default:
                    device.failure = state == 0x4f ? .missingQueue(index: 0) : nil
                    try driver.start()
                    if state == 0x8f { driver.status = 0x8f }
                }
            }
            try enter()
            for offset in stride(from: UInt64(0), to: 0x114, by: 2) {
                for size in [1, 2, 4, 8] {
                    for value in values {
                        driver.transport.write(offset: offset, value: value, size: size)
                        _ = driver.transport.read(offset: offset, size: size)
                        if driver.status != state { try enter() }
                    }
                }
            }
            device.failure = nil
            try driver.start()
            #expect(driver.status == 0xf)
        }
    }
}
