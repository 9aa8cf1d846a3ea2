// SPDX-License-Identifier: Apache-2.0
internal import Glibc
public import VMMemory
internal import VirtioDevices
public import VirtioModel
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// Checks the laws that every virtio device obeys, whatever it does (virtio 1.2, 2 and 3): what it shows does not change,
/// features and queues that are missing are survived or refused, hostile chains end in a used entry or in
/// DEVICE_NEEDS_RESET and never in anything else, a reset lets go of guest memory, and afterwards it starts again; all that with
/// split and with packed rings. A `SavableDevice` is also saved, and restored in a fresh one, between a chain and its answer;
/// of a `QueueResettableDevice` each queue is taken away at work and given back elsewhere (2.6.1).
///
/// - Parameters:
///   - seed: of the content of requests; the same seed does the same.
///   - make: makes a fresh device each time.
/// - Returns: one sentence for each law that was broken; empty if the device is sound.
public func checkVirtioDevice(
    seed: UInt64 = 1, _ make: () -> any VirtioDevice
) throws(GuestMemoryError) -> [String] {
    var check = DeviceCheck(random: SeededGenerator(seed: seed))
    check.shape(make())
    try check.features(make)
    for isPacked in [false, true] {
        check.isPacked = isPacked
        try check.missingQueues(make)
        try check.life(make)
        try check.hostility(make)
        if let device = make() as? any SavableDevice { try check.saving(device, make) }
        if make() is any QueueResettableDevice { try check.queueResets(make) }
    }
    return check.findings
}

/// The findings so far, and one method a group of laws.
struct DeviceCheck {
    var findings: [String] = []
    var random: SeededGenerator
    /// Which format the driver chooses.
    var isPacked = false

    init(random: SeededGenerator) { self.random = random }

    /// A driver in front of a fresh device, with rings of the format that is looked at.
    func driver(
        _ device: any VirtioDevice, executor: any DeviceExecutor = ImmediateExecutor()
    ) throws(GuestMemoryError) -> MMIODriver {
        try MMIODriver(device, executor: executor, offersPackedRings: isPacked)
    }

    mutating func expect(_ isTrue: Bool, _ law: @autoclosure () -> String) {
        if !isTrue { findings.append(law()) }
    }

    mutating func shape(_ device: any VirtioDevice) {
        let sizes = device.queueMaximumSizes
        expect(!sizes.isEmpty, "it has a queue")
        for (index, size) in sizes.enumerated() {
            expect(
                size > 0 && size <= 32768 && size & (size &- 1) == 0,
                "the maximum size \(size) of queue \(index) is a power of two up to 32768")
        }
        expect(sizes == device.queueMaximumSizes, "its queues do not change")
        expect(!device.offeredFeatures.contains(.version1), "VERSION_1 is left to the transport")
        expect(device.initialConfiguration == device.initialConfiguration, "its configuration space does not change")
        expect(device.initialConfiguration.count <= 0xf00, "its configuration space fits in the page")
        expect(device.deviceID.rawValue != 0, "its ID is not 0, which stands for no device")
    }

    mutating func features(_ make: () -> any VirtioDevice) throws(GuestMemoryError) {
        let offered = try MMIODriver(make()).offeredFeatures
        for bit in 0..<64 where !offered.contains(.bit(bit)) {
            expect(
                try !MMIODriver(make()).negotiate([.version1, .bit(bit)]), "feature \(bit), not offered, is refused")
        }
        expect(try !MMIODriver(make()).negotiate(offered.subtracting(.version1)), "VERSION_1 is demanded")
        // 2.2.1: a driver may accept any subset; what depends on a missing feature is off then.
        for bit in 0..<64 where offered.contains(.bit(bit)) && VirtioFeatures.bit(bit) != .version1 {
            for features in [[.version1, .bit(bit)], offered.subtracting(.bit(bit))] as [VirtioFeatures] {
                let driver = try MMIODriver(make())
                try driver.start(features)
                expect(driver.status == 0xf, "it starts with features \(features)")
                for index in 0..<driver.transport.queueCount { driver.notify(index) }
            }
        }
    }

    mutating func missingQueues(_ make: () -> any VirtioDevice) throws(GuestMemoryError) {
        let count = make().queueMaximumSizes.count
        var choices: [Set<Int>] = [[]]
        for index in 0..<min(count, 8) { choices.append(Set(0..<count).subtracting([index])) }
        for choice in choices {
            let driver = try driver(make())
            try driver.start(only: choice)
            expect(
                driver.status == 0xf || driver.status == 0x4f,
                "with queues \(choice.sorted()) alone it starts or needs a reset; status is \(driver.status)")
            for index in 0..<count + 2 { driver.notify(index) }
            try driver.start()
            expect(driver.status == 0xf, "after queues \(choice.sorted()) alone it starts with all")
        }
    }

    /// Before activation, after reset, and round again.
    mutating func life(_ make: () -> any VirtioDevice) throws(GuestMemoryError) {
        let device = make()
        let driver = try driver(device)
        for index in [0, 1, 0xfffe, 0xffff] as [UInt16] {
            expect(device.queueNotified(index) == .drained, "it ignores queue \(index) before activation")
        }
        for round in 0..<3 {
            try driver.start()
            expect(driver.status == 0xf, "it starts, round \(round)")
            for index in 0..<driver.transport.queueCount {
                guard let queue = driver.ring(index) else { continue }
                let offered = try HostileChain.both.offer(to: queue, random: &random)
                driver.notify(index)
                try takeBack(queue, offered, "round \(round), queue \(index)")
            }
            expect(device.queueNotified(0xffff) == .drained, "it ignores a queue that it does not have")
            driver.status = 0
            expect(driver.status == 0, "it resets, round \(round)")
            try letsGo(driver, device)
        }
    }

    /// Nothing that the driver or the host does reaches guest memory once a reset is done.
    private mutating func letsGo(_ driver: MMIODriver, _ device: any VirtioDevice) throws(GuestMemoryError) {
        let edges = driver.line.count
        let before = try MemoryCopy(driver.memory)
        for index in 0..<driver.transport.queueCount {
            if let index = UInt16(exactly: index) { _ = device.queueNotified(index) }
        }
        expect(try MemoryCopy(driver.memory).isSame(as: before), "it does not touch guest memory after a reset")
        expect(driver.line.count == edges, "it does not interrupt after a reset")
        expect(driver.events.sources.values.allSatisfy(\.isRemoved), "it watches nothing after a reset")
    }

    mutating func hostility(_ make: () -> any VirtioDevice) throws(GuestMemoryError) {
        let executor = ManualExecutor()
        let driver = try driver(make(), executor: executor)
        let count = driver.transport.queueCount
        for features in [driver.offeredFeatures, VirtioFeatures.version1.with(packedRings: isPacked)] {
            for index in 0..<count {
                for chain in HostileChain.allCases {
                    try driver.start(features)
                    executor.run()
                    guard let queue = driver.ring(index) else { continue }
                    let told = driver.faults.all.count
                    let what = "\(chain.rawValue) in queue \(index) with features \(features)"
                    let offered = try chain.offer(to: queue, random: &random)
                    driver.notify(index)
                    executor.run()
                    expect(executor.count == 0, "it comes to rest after \(what)")
                    // Without the feature an indirect chain is malformed.
                    let isLegal = chain.isLegal && (chain != .indirect || features.contains(.indirectDescriptors))
                    expect(
                        driver.status == 0xf || (!isLegal && driver.status == 0x4f),
                        "after \(what) it runs or needs a reset; status is \(driver.status)")
                    if driver.status == 0x4f {
                        expect(
                            driver.faults.all.count == told + 1 && driver.faults.all.last?.isOfQueue(index) == true,
                            "after \(what) it says once that it is this queue's fault")
                    }
                    if chain.isLegal { try takeBack(queue, offered, what) }
                }
            }
        }
        try driver.start()
        expect(driver.status == 0xf, "it starts after all that")
    }

    /// Used entries name chains that were offered, once, and no more bytes than there was room for (2.7.8.2).
    mutating func takeBack(
        _ queue: any DriverRing, _ offered: [UInt16: UInt64], _ what: String
    ) throws(GuestMemoryError) {
        var open = offered
        for _ in 0...Int(queue.size) {
            guard let used = try queue.takeBack() else { return }
            guard let head = UInt16(exactly: used.head), let room = open.removeValue(forKey: head) else {
                findings.append("a used entry names chain \(used.head), which was not offered: \(what)")
                return
            }
            expect(UInt64(used.written) <= room, "\(used.written) bytes are said written where \(room) fit: \(what)")
        }
        findings.append("more used entries than chains: \(what)")
    }
}

extension DeviceFault {
    fileprivate func isOfQueue(_ number: Int) -> Bool {
        if case .queue(let index, _) = self { Int(index) == number } else { false }
    }
}

/// Guest memory at one time.
struct MemoryCopy {
    private var regions: [[UInt8]] = []

    /// All of it.
    init(_ memory: GuestMemory) throws(GuestMemoryError) {
        for region in memory.regions { try add(memory, region.range.start, Int(region.range.byteCount)) }
    }

    /// Where a driver has its queues and their buffers.
    init(queuesOf driver: MMIODriver) throws(GuestMemoryError) {
        for index in 0..<driver.transport.queueCount {
            let (start, byteCount) = MMIODriver.queueMemory(index)
            try add(driver.memory, start, byteCount)
        }
    }

    private mutating func add(
        _ memory: GuestMemory, _ start: GuestAddress, _ byteCount: Int
    ) throws(GuestMemoryError) {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        try bytes.withUnsafeMutableBufferPointer { (pointer) throws(GuestMemoryError) in
            try memory.read(at: start, into: UnsafeMutableRawBufferPointer(pointer))
        }
        regions.append(bytes)
    }

    func isSame(as other: MemoryCopy) -> Bool {
        regions.count == other.regions.count
            && zip(regions, other.regions).allSatisfy { $0.count == $1.count && memcmp($0, $1, $0.count) == 0 }
    }
}
