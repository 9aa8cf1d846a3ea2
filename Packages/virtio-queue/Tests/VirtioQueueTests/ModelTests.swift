// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

/// A split ring.
private struct Pair: ModelPair {
    let driver: DriverQueue
    var device: ModelledQueue<ReferenceRing>
    let heap: GuestAddress

    init(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let size = UInt16(1) << UInt16.random(in: 0...5, using: &generator)
        // Half of the runs cross the wrap of the indices.
        let first = Bool.random(using: &generator) ? 0 : UInt16.random(in: 65500...65535, using: &generator)
        var features: VirtioFeatures = [.version1, .indirectDescriptors]
        if Bool.random(using: &generator) { features.insert(.eventIndex) }
        if Bool.random(using: &generator) { features.insert(.inOrder) }
        driver = try DriverQueue(size: size, features: features, firstIndex: first)
        device = ModelledQueue(
            try restored(driver, at: first),
            ReferenceRing(
                firstIndex: first, hasEventIndex: features.contains(.eventIndex),
                isInOrder: features.contains(.inOrder)))
        heap = driver.heap
    }

    mutating func apply(_ step: ModelStep) throws -> String? {
        switch step {
        case .add(let count, let readable, let isIndirect):
            // An indirect table may be as long as the queue, no longer.
            let count = min(count, Int(driver.size))
            if driver.heap.rawValue > heap.rawValue + 0x8_0000 { driver.resetHeap(to: heap) }
            let buffers = (0..<count).map { index in
                DriverQueue.Buffer(driver.allocate(8), UInt32(index * 3 % 5), isWritable: index >= readable)
            }
            if let head = try driver.add(buffers, isIndirect: isIndirect) {
                device.model.add(.init(head: head, buffers: buffers))
            }
        case .publishAvailable:
            let before = driver.availableIndex &- UInt16(device.model.added.count)
            let count = device.model.added.count
            try driver.publish()
            device.model.publishAvailable()
            return differ(try driver.mustRing(since: before), device.model.mustRing(forLast: count), "must ring")
        case .takeUsed: return differ(try driver.takeUsed(), device.model.takeUsed(), "take used")
        case .driverEvent(let flags, let distance):
            let event = UInt16(truncatingIfNeeded: device.model.usedCount &+ distance &- 2)
            try driver.setUsedEvent(event)
            try driver.setAvailableFlags(flags & 1)
            device.model.usedEvent = event
            device.model.wantsNoInterrupts = flags & 1 == 1
        case .saveAndRestore: _ = try device.saveAndRestore()
        case .device(let step): if let what = try device.apply(step) { return what }
        }
        let usedIndex = try driver.usedIndex()
        return differ(device.queue.inFlight, device.model.inFlight.count, "in flight")
            ?? differ(usedIndex, UInt16(truncatingIfNeeded: device.model.usedCount), "used index")
    }
}

@Suite struct ModelTests {
    /// `MODEL_SEED` runs one seed again, `MODEL_RUNS` runs more than the sample.
    static let seeds: [UInt64] = {
        if let text = getenv("MODEL_SEED"), let seed = UInt64(String(cString: text)) { return [seed] }
        let runs = getenv("MODEL_RUNS").flatMap { Int(String(cString: $0)) } ?? 40
        let base = UInt64.random(in: 0...UInt64.max)
        return (0..<UInt64(runs)).map { base &+ $0 }
    }()

    @Test("thousands of random steps do the same to the queue and to the model")
    func randomSteps() { Pair.play(Self.seeds) }
}
