// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VirtioDevices
internal import VirtioModel
internal import VirtioQueueTestSupport

/// The laws of a device whose queues can be reset one by one (virtio 1.2, 2.6.1).
extension DeviceCheck {
    mutating func queueResets(_ make: () -> any VirtioDevice) throws(GuestMemoryError) {
        let answers = try answeringQueues(make)
        for index in make().queueMaximumSizes.indices {
            try queueReset(index, answers, isSaved: false, make)
            if make() is any SavableDevice { try queueReset(index, answers, isSaved: true, make) }
        }
    }

    /// A queue is taken away with chains in it and given back elsewhere, smaller each time.
    /// - Parameter isSaved: whether the machine is saved in between, and goes on with another device.
    private mutating func queueReset(
        _ index: Int, _ answers: Set<Int>, isSaved: Bool, _ make: () -> any VirtioDevice
    ) throws(GuestMemoryError) {
        var device = make()
        let executor = ManualExecutor()
        var driver = try driver(device, executor: executor)
        try driver.start()
        // The start is still on its way to the device at first.
        for round in 1...3 {
            let what = "reset \(round) of queue \(index)\(isSaved ? ", saved meanwhile" : "")"
            guard let old = driver.ring(index) else { return }
            if round == 2 {
                _ = try HostileChain.both.offer(to: old, random: &random)
                driver.notify(index)
                executor.run()
            }
            // Nobody has rung for this one.
            _ = try HostileChain.both.offer(to: old, random: &random)
            driver.resetQueue(index)
            executor.run()
            expect(driver.status == 0xf, "it runs after \(what); status is \(driver.status)")
            expect(driver.read(MMIODriver.Register.queueReady) == 0, "a queue is not ready after \(what)")
            if isSaved {
                guard let next = moved(driver, device, executor, make, what) else { return }
                (driver, device) = next
                executor.run()
            }
            let before = try MemoryCopy(queuesOf: driver)
            let edges = driver.line.count
            driver.notify(index)
            if let index = UInt16(exactly: index) { _ = device.queueNotified(index) }
            executor.run()
            expect(try MemoryCopy(queuesOf: driver).isSame(as: before), "it leaves memory alone after \(what)")
            expect(driver.line.count == edges, "it does not interrupt for a queue after \(what)")
            for other in answers.sorted() where other != index {
                try expectAnswer(driver, executor, other, "during \(what)")
            }
            let place = MMIODriver.queueMemory(index).start.rawValue &+ (round & 1 == 1 ? 0x2_0000 : 0)
            try driver.setUp(index, size: max(old.size >> 1, 2), at: GuestAddress(place))
            executor.run()
            expect(driver.status == 0xf, "it runs with a new queue after \(what); status is \(driver.status)")
            for index in answers.sorted() { try expectAnswer(driver, executor, index, "after \(what)") }
        }
        driver.status = 0
        expect(driver.status == 0, "it resets as a whole after its queue \(index) was reset")
    }

    private mutating func expectAnswer(
        _ driver: MMIODriver, _ executor: ManualExecutor, _ index: Int, _ when: String
    ) throws(GuestMemoryError) {
        guard let ring = driver.ring(index) else { return }
        let offered = try HostileChain.both.offer(to: ring, random: &random)
        driver.notify(index)
        executor.run()
        let used = try ring.takeBack()
        expect(
            used.flatMap { UInt16(exactly: $0.head) }.map { offered[$0] != nil } == true,
            "queue \(index) gives its chain back \(when)")
        expect(try ring.takeBack() == nil, "queue \(index) gives a chain back once \(when)")
    }

    private mutating func moved(
        _ driver: MMIODriver, _ device: any VirtioDevice, _ executor: ManualExecutor, _ make: () -> any VirtioDevice,
        _ what: String
    ) -> (MMIODriver, any VirtioDevice)? {
        func move<Device: SavableDevice>(_ device: Device) throws -> (MMIODriver, any VirtioDevice)? {
            guard let fresh = make() as? Device else { return nil }
            return (try driver.move(from: device, to: fresh, executor: executor), fresh)
        }
        do {
            return try (device as? any SavableDevice).flatMap { try move($0) }
        } catch {
            findings.append("it is restored from its own state, \(what): \(error)")
            return nil
        }
    }
}
