// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VirtioDevices
internal import VirtioModel
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// The laws of a device that can be saved.
extension DeviceCheck {
    /// - Parameter first: a fresh device, of the kind that `make` makes.
    mutating func saving<Device: SavableDevice>(
        _ first: Device, _ make: () -> any VirtioDevice
    ) throws(GuestMemoryError) {
        try idle(first, make)
        for offersBefore in [true, false] { try inTheMiddle(make, Device.self, offersBefore) }
        try refusals(make, Device.self)
    }

    /// A device that no driver uses, and each step of one that begins to.
    private mutating func idle<Device: SavableDevice>(
        _ device: Device, _ make: () -> any VirtioDevice
    ) throws(GuestMemoryError) {
        let driver = try driver(device)
        let features = driver.offeredFeatures
        expect(device.save().queues == nil, "it has no queues to save before it is started")
        for status in [0, 1, 3, 0xb] as [UInt32] {
            driver.status = status == 0xb ? 3 : status
            if status == 0xb {
                driver.accept(features)
                driver.status = 0xb
            }
            guard let fresh = make() as? Device, let next = move(driver, device, to: fresh, "at status \(status)")
            else { continue }
            expect(next.status == status, "the status is \(status) after a restore")
            if status == 0xb { try next.setUpQueues(features) } else { try next.start(features) }
            next.status = 0xf
            expect(next.status == 0xf, "restored at status \(status), it starts")
        }
    }

    /// Chains that were offered before the machine stood still, or while it did, come back once.
    private mutating func inTheMiddle<Device: SavableDevice>(
        _ make: () -> any VirtioDevice, _ type: Device.Type, _ offersBefore: Bool
    ) throws(GuestMemoryError) {
        guard var device = make() as? Device else { return findings.append("each device is of the same type") }
        var driver = try driver(device)
        try driver.start()
        let answers = try answeringQueues(make)
        expect(!answers.isEmpty, "one of its queues answers a chain at once")
        // What is at the device, by queue and name.
        var open: [Int: [UInt16: UInt64]] = [:]
        for round in 0..<3 {
            let what = "restored in round \(round)"
            guard let fresh = make() as? Device else { return }
            if offersBefore { try offerAll(driver, &open) }
            driver.transport.pause()
            if !offersBefore { try offerAll(driver, &open) }
            for index in open.keys { driver.notify(index) }
            let before = try MemoryCopy(driver.memory)
            let saved = device.save()
            expect(saved == device.save(), "saving twice gives the same")
            expect(try MemoryCopy(driver.memory).isSame(as: before), "it leaves memory alone while it stands still")
            guard let next = move(driver, device, to: fresh, what) else { return }
            driver = next
            device = fresh
            expect(driver.status == 0xf, "it runs, \(what)")
            for index in open.keys {
                guard let ring = driver.ring(index) else { continue }
                try takeReturned(ring, &open[index, default: [:]], what)
                if answers.contains(index) {
                    expect(open[index]?.isEmpty == true, "what was in queue \(index) comes back, \(what)")
                }
            }
        }
        driver.status = 0
        expect(driver.status == 0, "it resets after a restore")
        try driver.start()
        expect(driver.status == 0xf, "it starts again after a restore and a reset")
    }

    /// A state that is not the device's ends in an error.
    private mutating func refusals<Device: SavableDevice>(
        _ make: () -> any VirtioDevice, _ type: Device.Type
    ) throws(GuestMemoryError) {
        for (name, change) in Self.forgeries(Device.State.self) {
            guard let device = make() as? Device, let fresh = make() as? Device else { return }
            let driver = try driver(device)
            try driver.start()
            do {
                _ = try driver.move(from: device, to: fresh, changing: change)
                findings.append("a state with \(name) is refused")
            } catch is MMIORestoreError<Device.StateError> {
                // As it should be.
            } catch {
                findings.append("a state with \(name) is refused by an error of its own, and not \(error)")
            }
        }
    }

    private static func forgeries<State>(
        _ type: State.Type
    ) -> [(String, (inout SavedMMIODevice<State>) -> Void)] {
        [
            (
                "another device's ID",
                { $0.registers.deviceID = DeviceID(rawValue: $0.registers.deviceID.rawValue ^ 64) }
            ),
            ("a status out of order", { $0.registers.status = 0xd }),
            ("a status without DRIVER_OK, while the device runs", { $0.registers.status = 0xb }),
            ("features that are not offered", { $0.registers.driverFeatures.insert(.bit(63)) }),
            ("no VERSION_1", { $0.registers.driverFeatures.remove(.version1) }),
            ("the other format of rings", { $0.registers.driverFeatures.formSymmetricDifference(.packedRing) }),
            ("a queue too many", { $0.registers.queues.append(QueueConfiguration(maximumSize: 16)) }),
            ("a queue too few", { $0.registers.queues.removeLast() }),
            ("a queue of another size", { $0.registers.queues[0].size ^= 1 }),
            ("a queue elsewhere", { $0.registers.queues[0].usedRing = GuestAddress(.max & ~15) }),
            ("an unknown interrupt", { $0.registers.interruptStatus = 4 }),
            ("a longer configuration space", { $0.registers.configuration.append(0) }),
        ]
    }

    /// The queues that give back a chain of a readable and a writable buffer at once; others wait for their host.
    func answeringQueues(_ make: () -> any VirtioDevice) throws(GuestMemoryError) -> Set<Int> {
        let driver = try driver(make())
        try driver.start()
        var random = random
        var answers: Set<Int> = []
        for index in 0..<driver.transport.queueCount {
            guard let ring = driver.ring(index) else { continue }
            _ = try HostileChain.both.offer(to: ring, random: &random)
            driver.notify(index)
            if try ring.takeBack() != nil { answers.insert(index) }
        }
        return answers
    }

    private mutating func offerAll(
        _ driver: MMIODriver, _ open: inout [Int: [UInt16: UInt64]]
    ) throws(GuestMemoryError) {
        for index in 0..<driver.transport.queueCount {
            guard let ring = driver.ring(index) else { continue }
            for chain in [HostileChain.both, .writable, .readable] {
                open[index, default: [:]].merge(try chain.offer(to: ring, random: &random)) { $1 }
            }
        }
    }

    private mutating func takeReturned(
        _ ring: any DriverRing, _ open: inout [UInt16: UInt64], _ what: String
    ) throws(GuestMemoryError) {
        while let used = try ring.takeBack() {
            guard let name = UInt16(exactly: used.head), let room = open.removeValue(forKey: name) else {
                return findings.append("a chain comes back that was not offered, or twice: \(what)")
            }
            expect(UInt64(used.written) <= room, "no more is written than there is room for: \(what)")
        }
    }

    private mutating func move<Device: SavableDevice>(
        _ driver: MMIODriver, _ device: Device, to fresh: Device, _ what: String
    ) -> MMIODriver? {
        do { return try driver.move(from: device, to: fresh) } catch {
            findings.append("it is restored from its own state, \(what): \(error)")
            return nil
        }
    }
}
