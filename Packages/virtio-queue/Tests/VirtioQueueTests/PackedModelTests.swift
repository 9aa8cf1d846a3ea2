// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

/// A packed ring.
private struct Pair: ModelPair {
    let driver: PackedDriverQueue
    var device: ModelledQueue<ReferencePackedRing>
    let heap: GuestAddress
    let hasEventIndex: Bool

    init(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let size = UInt16.random(in: 1...33, using: &generator)
        // Anywhere in the first three rounds.
        let first = UInt64.random(in: 0..<3 * UInt64(size), using: &generator)
        var features: VirtioFeatures = [.version1, .indirectDescriptors, .packedRing]
        if Bool.random(using: &generator) { features.insert(.eventIndex) }
        if Bool.random(using: &generator) { features.insert(.inOrder) }
        hasEventIndex = features.contains(.eventIndex)
        driver = try PackedDriverQueue(size: size, features: features, firstSlot: first)
        device = ModelledQueue(
            try restored(driver, at: first),
            ReferencePackedRing(
                size: size, firstSlot: first, hasEventIndex: hasEventIndex, isInOrder: features.contains(.inOrder)))
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
            if let id = try driver.add(buffers, isIndirect: isIndirect) {
                device.model.add(.init(id: id, slotCount: isIndirect ? 1 : UInt16(count), buffers: buffers))
            }
        case .publishAvailable:
            let slots = device.model.added.reduce(0) { $0 + UInt64($1.slotCount) }
            let before = driver.nextAvailable - slots
            try driver.publish()
            device.model.publishAvailable()
            // A driver that has shown nothing does not ask.
            guard slots > 0 else { return nil }
            return differ(try driver.mustRing(since: before), device.model.mustRing(forLast: slots), "must ring")
        case .takeUsed: return differ(try driver.takeUsed(), device.model.takeUsed(), "take used")
        case .driverEvent(let flags, let distance):
            let slot = device.model.usedSlots + distance - min(2, device.model.usedSlots)
            try driver.setDriverEvent(flags: flags, driver.position(slot))
            // Without VIRTIO_F_EVENT_IDX a position means nothing; 3 is reserved. Both ask for all.
            device.model.driverEvent = flags == 1 ? .none : flags == 2 && hasEventIndex ? .at(slot) : .all
        case .saveAndRestore:
            let state = try device.saveAndRestore()
            return differ(state, device.queue.save(), "state")
                ?? differ(
                    state.nextAvailable, driver.position(device.model.takenSlots).rawValue, "next available")
                ?? differ(state.nextUsed, driver.position(device.model.usedSlots).rawValue, "next used")
        case .device(let step): if let what = try device.apply(step) { return what }
        }
        return differ(device.queue.inFlight, device.model.inFlight.count, "in flight")
    }
}

@Suite struct PackedModelTests {
    @Test("thousands of random steps do the same to a packed queue and to the model")
    func randomSteps() { Pair.play(ModelTests.seeds) }
}
