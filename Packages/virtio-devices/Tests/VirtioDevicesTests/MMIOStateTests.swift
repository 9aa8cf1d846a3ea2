// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioDevices
import VirtioDevicesTestSupport
import VirtioModel
import VirtioQueue
import VirtioQueueTestSupport

/// Registers that are saved and taken up by another transport.
@Suite struct MMIOStateTests {
    private typealias Register = MMIODriver.Register

    /// Saves a device at some point of its life and restores it in a fresh one.
    private func move(
        _ driver: MMIODriver, _ device: EntropyDevice,
        changing change: (inout SavedMMIODevice<EntropyState>) -> Void = { _ in }
    ) throws -> MMIODriver {
        try driver.move(from: device, to: EntropyDevice(queueSize: 16), changing: change)
    }

    private func make(upTo status: UInt32 = 0xf) throws -> (driver: MMIODriver, device: EntropyDevice) {
        let device = EntropyDevice(queueSize: 16)
        let driver = try MMIODriver(device)
        if status >= 1 { driver.status = 1 }
        if status >= 3 { driver.status = 3 }
        if status >= 0xb {
            driver.accept(driver.offeredFeatures)
            driver.status = 0xb
        }
        if status >= 0xf {
            try driver.setUpQueues(driver.offeredFeatures)
            driver.status = 0xf
        }
        #expect(driver.status == status)
        return (driver, device)
    }

    @Test("selectors, half-written features and half-written queues go on where they were")
    func halfWay() throws {
        let first = try make(upTo: 3)
        first.driver.write(Register.driverFeaturesSelect, 1)
        first.driver.write(Register.driverFeatures, 1)
        first.driver.write(Register.driverFeaturesSelect, 0)
        first.driver.write(Register.deviceFeaturesSelect, 1)
        let second = try move(first.driver, first.device)
        #expect(second.read(Register.deviceFeatures) & 1 == 1)
        second.write(Register.driverFeatures, 1 << 28)
        second.status = 0xb
        #expect(second.status == 0xb)

        let third = try make(upTo: 0xb)
        third.driver.write(Register.queueSelect, 0)
        third.driver.write(Register.queueSize, 8)
        third.driver.write(0x80, 0x10_0000)
        let fourth = try move(third.driver, third.device)
        #expect(fourth.read(Register.queueReady) == 0)
        fourth.write(0x90, 0x10_1000)
        fourth.write(0xa0, 0x10_2000)
        fourth.write(Register.queueReady, 1)
        fourth.status = 0xf
        #expect(fourth.status == 0xf)
    }

    @Test("an interrupt that was not acknowledged is pending after a restore, and raised again")
    func interrupts() throws {
        let (driver, device) = try make()
        let queue = try #require(driver.queue(0))
        try queue.send([queue.buffer(room: 8)])
        driver.notify(0)
        let second = EntropyDevice(queueSize: 16)
        let next = try driver.move(from: device, to: second)
        #expect(next.line.count >= 1)
        #expect(next.takeInterrupts() == 1)
        #expect(try queue.takeUsed()?.written == 8)
        let last = try move(next, second)
        #expect(last.line.count == 0)
    }

    @Test("a device that was saved between DRIVER_OK and its start begins when the restored machine goes on")
    func activationOnItsWay() throws {
        let device = EntropyDevice(queueSize: 16)
        let executor = ManualExecutor()
        let driver = try MMIODriver(device, executor: executor)
        driver.negotiate()
        try driver.setUpQueues(driver.offeredFeatures)
        driver.status = 0xf
        let queue = try #require(driver.queue(0))
        try queue.send([queue.buffer(room: 8)])
        #expect(executor.count == 1)
        let next = try move(driver, device)
        #expect(try queue.takeUsed()?.written == 8)
        #expect(next.status == 0xf)
        // The saved one itself, whose start came while it stood still.
        executor.run()
        #expect(try queue.takeUsed() == nil)
    }

    @Test("a queue that the driver has taken away is away after a restore, and begins anew when the driver says so")
    func queueReset() throws {
        for isReadyBefore in [false, true] {
            let (driver, device) = try make()
            let queue = try #require(driver.queue(0))
            driver.resetQueue(0)
            // Set up while the machine stands still; or afterwards.
            driver.transport.pause()
            try queue.send([queue.buffer(room: 8)])
            if isReadyBefore { driver.setUp(0, queue.configuration) }
            #expect(try queue.takeUsed() == nil)
            let next = try move(driver, device)
            if !isReadyBefore {
                next.notify(0)
                #expect(try queue.takeUsed() == nil)
                next.setUp(0, queue.configuration)
            }
            #expect(try queue.takeUsed()?.written == 8)
            #expect(next.status == 0xf)
        }
    }

    @Test("a device that cannot be saved stands still all the same, and its queues are looked at when it goes on")
    func unsavable() throws {
        let probe = ProbeDevice()
        let driver = try MMIODriver(probe)
        try driver.start()
        probe.calls = []
        driver.transport.pause()
        driver.notify(1)
        #expect(probe.calls == [])
        driver.transport.resume()
        #expect(probe.calls == [.notified(0), .notified(1)])
    }

    @Test("registers that no driver can have left are a typed error, and the transport is as after a reset")
    func refused() throws {
        func refusal(
            at status: UInt32 = 0xf, _ change: (inout SavedMMIODevice<EntropyState>) -> Void
        ) throws -> MMIORestoreError<EntropyStateError>? {
            let (driver, device) = try make(upTo: status)
            do {
                _ = try move(driver, device, changing: change)
                return nil
            } catch let error as MMIORestoreError<EntropyStateError> {
                return error
            }
        }
        #expect(try refusal { _ in } == nil)
        for status in [2, 4, 5, 7, 8, 9, 0xa, 0xc, 0xd, 0xe, 0x1f, 0x2f, 0x40, 0x41, 0x43, 0x4b, 0x10f, .max]
            as [UInt32]
        {
            #expect(try refusal { $0.registers.status = status } == .registers(.status(status)))
        }
        for status in [0, 1, 3] as [UInt32] {
            #expect(try refusal { $0.registers.status = status } != nil)
        }
        #expect(try refusal { $0.registers.status = 0xb } == .registers(.activity(queue: nil)))
        for status in [0x4f, 0x8f, 0xcf] as [UInt32] {
            #expect(try refusal { $0.registers.status = status } == nil)
        }
        let tooMany = VirtioFeatures(rawValue: .max)
        #expect(try refusal { $0.registers.driverFeatures = tooMany } == .registers(.features(tooMany)))
        #expect(try refusal { $0.registers.driverFeatures = [] } == .registers(.features([])))
        #expect(
            try refusal { $0.registers.hasUnknownFeatures = true } != nil)
        #expect(
            try refusal(at: 1) { $0.registers.driverFeatures = .version1 } == .registers(.features(.version1)))
        #expect(try refusal(at: 1) { $0.registers.hasUnknownFeatures = true } == .registers(.features([])))
        #expect(try refusal(at: 3) { $0.registers.driverFeatures = tooMany } == nil)
        #expect(try refusal(at: 3) { $0.registers.queues[0].size = 8 } == .registers(.queue(index: 0)))
        #expect(try refusal(at: 3) { $0.registers.interruptStatus = 1 } == .registers(.interruptStatus(1)))
        #expect(try refusal { $0.registers.interruptStatus = 7 } == .registers(.interruptStatus(7)))
        #expect(
            try refusal { $0.registers.queues = [] } == .registers(.queueCount(saved: 0, 1)))
        #expect(
            try refusal { $0.registers.deviceID = .block } == .registers(.deviceID(saved: .block)))
        #expect(try refusal { $0.registers.configuration = [1] } == .registers(.configuration))
        #expect(try refusal { $0.registers.queues[0].size = 8 } == .registers(.activity(queue: 0)))
        #expect(
            try refusal(at: 0xb) {
                $0.device.queues = [
                    QueueState(configuration: $0.registers.queues[0], nextAvailable: 0, nextUsed: 0)
                ]
            }
                == .registers(.activity(queue: nil)))
        #expect(
            try refusal { $0.registers.selectors = .init(deviceFeatures: .max, driverFeatures: .max, queue: .max) }
                == nil)
    }

    @Test(
        "a state that says it was running, of a device that says it was not, starts from the registers or needs a reset"
    )
    func claimsToRun() throws {
        let (driver, device) = try make()
        let next = try move(driver, device) { $0.device.queues = nil }
        #expect(next.status == 0xf)
        let (other, otherDevice) = try make()
        let failed = try move(other, otherDevice) {
            $0.device.queues = nil
            $0.registers.queues[0].descriptorTable = GuestAddress(0xf_0000_0000)
        }
        #expect(failed.status == 0x4f)
        try failed.start()
        #expect(failed.status == 0xf)
    }
}
