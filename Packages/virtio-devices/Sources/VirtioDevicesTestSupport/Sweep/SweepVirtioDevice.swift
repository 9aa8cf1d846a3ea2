// SPDX-License-Identifier: Apache-2.0
public import VMMemory
internal import VirtioDevices
public import VirtioModel
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// What a sweep did.
public struct DeviceSweep: Sendable, Equatable {
    /// Cases that were played.
    public var caseCount = 0
    /// One sentence for each case that went wrong.
    public var findings: [String] = []
}

/// Writes boundary values to every register at every status, and to every field of the rings; puts chains of every
/// shape into every queue: with split and packed rings, in a fresh device, after a reset, of a `SavableDevice` after a
/// restore, and of a `QueueResettableDevice` after a reset of each queue. After each case the device must have come to rest, its registers must agree with each other, and after
/// a reset it must serve a good chain.
///
/// - Parameters:
///   - seed: of the cases that are drawn.
///   - limit: how many cases to draw; nil plays all, tens of thousands for each queue.
///   - make: makes a fresh device each time, whose queues are served by the doorbell alone: with a disk that does one
///     request after the other, for example.
public func sweepVirtioDevice(
    seed: UInt64 = 1, limit: Int? = nil, _ make: () -> any VirtioDevice
) throws(GuestMemoryError) -> DeviceSweep {
    var random = SeededGenerator(seed: seed)
    var result = DeviceSweep()
    let first = make()
    let phases = SweepPlan.Phase.allCases.filter {
        switch $0 {
        case .fresh, .reset: true
        case .restored: first is any SavableDevice
        case .restarted: first is any QueueResettableDevice
        }
    }
    let plans = try [false, true].map { (isPacked) throws(GuestMemoryError) in
        try SweepPlan(make, isPacked: isPacked, &result.findings)
    }
    let total = plans.reduce(0) { $0 + $1.points.count } * phases.count
    for number in 0..<min(limit ?? total, total) {
        var phase = phases[number % phases.count]
        var index = number / phases.count
        var plan = plans[0]
        if index >= plan.points.count {
            index -= plan.points.count
            plan = plans[1]
        }
        if limit != nil {
            plan = plans[Int(random.next() & 1)]
            phase = phases[Int(random.next() % UInt64(phases.count))]
            index = plan.draw(&random)
        }
        let point = plan.points[index]
        if let finding = try plan.play(point, phase, &random, make) {
            result.findings.append("\(finding): \(point), \(phase.rawValue), \(plan.isPacked ? "packed" : "split")")
        }
        result.caseCount += 1
    }
    return result
}

/// The points for one format of rings, each played with a device of its own.
struct SweepPlan {
    enum Phase: String, CaseIterable {
        case fresh, reset, restored
        /// Each of its queues was reset and set up again elsewhere.
        case restarted
    }

    let isPacked: Bool
    let points: [SweepPoint]
    /// How many of them are about registers; the others are about queues.
    private let registerPointCount: Int
    private let answeringQueues: Set<Int>
    /// What a device may leave for its executor to do again before it must have come to rest.
    private static let turnsMax = 1000
    /// Interrupts of one point and the chains before it.
    private static let edgesMax = 64

    init(
        _ make: () -> any VirtioDevice, isPacked: Bool, _ findings: inout [String]
    ) throws(GuestMemoryError) {
        var check = DeviceCheck(random: SeededGenerator(seed: 1))
        check.isPacked = isPacked
        self.isPacked = isPacked
        let registers = SweepPoint.registers(queueSizes: make().queueMaximumSizes)
        points = registers + SweepPoint.queues(sizes: make().queueMaximumSizes, isPacked: isPacked)
        registerPointCount = registers.count
        answeringQueues = try check.answeringQueues(make)
        if answeringQueues.isEmpty { findings.append("none of its queues answers a chain at once") }
    }

    /// One about a register as often as one about a queue, of which there are fewer.
    func draw(_ random: inout SeededGenerator) -> Int {
        let isRegister = random.next() & 1 == 0
        let count = isRegister ? registerPointCount : points.count - registerPointCount
        return Int(random.next() % UInt64(count)) + (isRegister ? 0 : registerPointCount)
    }

    /// A device, its driver and its thread.
    private struct Machine {
        var device: any VirtioDevice
        var driver: MMIODriver
        var executor = ManualExecutor()

        init(_ device: any VirtioDevice, isPacked: Bool) throws(GuestMemoryError) {
            self.device = device
            driver = try MMIODriver(device, executor: executor, offersPackedRings: isPacked)
        }

        mutating func start() throws(GuestMemoryError) {
            try driver.start()
            executor.run()
        }
    }

    /// - Returns: what went wrong, or nil.
    func play(
        _ point: SweepPoint, _ phase: Phase, _ random: inout SeededGenerator, _ make: () -> any VirtioDevice
    ) throws(GuestMemoryError) -> String? {
        var machine = try Machine(make(), isPacked: isPacked)
        if phase == .reset {
            try machine.start()
            if let finding = try serves(machine, &random) { return "at first " + finding }
            machine.driver.status = 0
        }
        try lead(&machine, to: point.status, &random)
        if phase == .restored {
            if let finding = restore(&machine, make) { return finding }
            if point.status == 0xf, let finding = try serves(machine, &random) { return "restored " + finding }
        }
        if phase == .restarted, point.status == 0xf {
            try restartQueues(machine)
            if let finding = try serves(machine, &random) { return "with new queues " + finding }
        }
        let before = machine.driver.status
        let edges = machine.driver.line.count
        switch point {
        case .register(_, let offset, let width, let value):
            machine.driver.transport.write(offset: offset, value: value, size: width)
            _ = machine.driver.transport.read(offset: offset, size: width)
        case .field(let queue, let field, let value):
            try machine.driver.ring(queue)?.offer(changing: field, to: value)
            machine.driver.notify(queue)
        case .shape(let queue, let chain):
            if let ring = machine.driver.ring(queue) { _ = try chain.offer(to: ring, random: &random) }
            machine.driver.notify(queue)
        }
        machine.executor.run(atMost: Self.turnsMax)
        guard machine.executor.count == 0 else { return "it does not come to rest" }
        guard machine.driver.line.count - edges <= Self.edgesMax else { return "it interrupts again and again" }
        if let finding = machine.driver.registerFinding(from: before) { return finding }
        machine.driver.status = 0
        machine.executor.run(atMost: Self.turnsMax)
        guard machine.driver.status == 0 else { return "it does not reset" }
        try machine.start()
        return try serves(machine, &random)
    }

    /// Brings a driver to a status, 0x4f by a ring that is broken.
    private func lead(
        _ machine: inout Machine, to status: UInt32, _ random: inout SeededGenerator
    ) throws(GuestMemoryError) {
        let driver = machine.driver
        let features = driver.offeredFeatures
        if status & 1 != 0 { driver.status = 1 }
        if status & 2 != 0 { driver.status = 3 }
        if status & 8 != 0 {
            driver.accept(features)
            driver.status = 0xb
            try driver.setUpQueues(features)
        }
        if status & 4 != 0 { driver.status = 0xf }
        machine.executor.run()
        if status & 0x80 != 0 { driver.status = status }
        if status & 0x40 != 0, let index = answeringQueues.min(), let ring = driver.ring(index) {
            _ = try (isPacked ? HostileChain.nextOutside : .indexAhead).offer(to: ring, random: &random)
            driver.notify(index)
            machine.executor.run()
        }
    }

    private func restartQueues(_ machine: Machine) throws(GuestMemoryError) {
        for index in 0..<machine.driver.transport.queueCount {
            guard let size = machine.driver.ring(index)?.size else { continue }
            let start = MMIODriver.queueMemory(index).start.rawValue
            machine.driver.resetQueue(index)
            try machine.driver.setUp(index, size: size, at: GuestAddress(start &+ 0x2_0000))
        }
        machine.executor.run()
    }

    private func restore(_ machine: inout Machine, _ make: () -> any VirtioDevice) -> String? {
        guard let device = machine.device as? any SavableDevice else { return nil }
        func move<Device: SavableDevice>(_ device: Device) -> String? {
            guard let fresh = make() as? Device else { return "each device is not of the same type" }
            let executor = ManualExecutor()
            do {
                machine.driver = try machine.driver.move(from: device, to: fresh, executor: executor)
            } catch {
                return "it is not restored from its own state: \(error)"
            }
            machine.device = fresh
            machine.executor = executor
            executor.run()
            return nil
        }
        return move(device)
    }

    /// Whether a good chain comes back, of every queue of which that is to be expected.
    private func serves(_ machine: Machine, _ random: inout SeededGenerator) throws(GuestMemoryError) -> String? {
        guard machine.driver.status == 0xf else { return "it does not start: status \(machine.driver.status)" }
        for index in answeringQueues.sorted() {
            guard let ring = machine.driver.ring(index) else { continue }
            let offered = try HostileChain.both.offer(to: ring, random: &random)
            machine.driver.notify(index)
            machine.executor.run(atMost: Self.turnsMax)
            guard let used = try ring.takeBack(), let name = UInt16(exactly: used.head), offered[name] != nil
            else { return "queue \(index) does not give a good chain back" }
            guard try ring.takeBack() == nil else { return "queue \(index) gives a chain back twice" }
        }
        return nil
    }
}
