// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

/// One thing that driver or device does; numbers are reduced to what is possible when it is done.
private enum Step {
    case add(count: Int, readable: Int, isIndirect: Bool)
    case publishAvailable
    case pop
    case popIntoBuffers
    case undoPop
    case push(Int, UInt32)
    case stage(Int, UInt32)
    case publishUsed
    case takeUsed
    case driverEvent(flags: UInt16, distance: UInt64)
    case shouldSignal
    case disable
    case enable
    case saveAndRestore

    static func random(_ generator: inout SeededGenerator) -> Step {
        switch UInt64.random(in: 0..<24, using: &generator) {
        case 0...4:
            let count = Int.random(in: 1...5, using: &generator)
            return .add(
                count: count, readable: Int.random(in: 0...count, using: &generator),
                isIndirect: Bool.random(using: &generator))
        case 5...7: return .publishAvailable
        case 8...9: return .pop
        case 10...11: return .popIntoBuffers
        case 12: return .undoPop
        case 13...14:
            return .push(Int.random(in: 0..<64, using: &generator), UInt32.random(in: 0...9, using: &generator))
        case 15...16:
            return .stage(Int.random(in: 0..<64, using: &generator), UInt32.random(in: 0...9, using: &generator))
        case 17: return .publishUsed
        case 18...19: return .takeUsed
        case 20:
            let flags = UInt16.random(in: 0...3, using: &generator)
            return .driverEvent(flags: flags, distance: UInt64.random(in: 0...6, using: &generator))
        case 21: return .saveAndRestore
        case 22: return .shouldSignal
        default: return Bool.random(using: &generator) ? .disable : .enable
        }
    }
}

/// A real packed queue and the model, side by side.
private struct Pair {
    let driver: PackedDriverQueue
    var queue: Queue
    var model: ReferencePackedRing
    /// The buffers of those in flight that were taken into some.
    var kept: [ChainHead: ChainBuffers] = [:]
    let heap: GuestAddress
    let hasEventIndex: Bool
    /// Heads in flight, as the model has them.
    var heads: [ChainHead] = []
    /// How many of the last heads may be put back: no chain that was taken after them has been returned.
    var undoable = 0

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
        queue = try restored(driver, at: first)
        model = ReferencePackedRing(
            size: size, firstSlot: first, hasEventIndex: hasEventIndex, isInOrder: features.contains(.inOrder))
        heap = driver.heap
    }

    /// Does one step on both. Returns what differed.
    mutating func apply(_ step: Step) throws -> String? {
        switch step {
        case .add(let count, let readable, let isIndirect):
            // An indirect table may be as long as the queue, no longer.
            let count = min(count, Int(driver.size))
            if driver.heap.rawValue > heap.rawValue + 0x8_0000 { driver.resetHeap(to: heap) }
            let buffers = (0..<count).map { index in
                DriverQueue.Buffer(driver.allocate(8), UInt32(index * 3 % 5), isWritable: index >= readable)
            }
            if let id = try driver.add(buffers, isIndirect: isIndirect) {
                model.add(.init(id: id, slotCount: isIndirect ? 1 : UInt16(count), buffers: buffers))
            }
        case .publishAvailable:
            let slots = model.added.reduce(0) { $0 + UInt64($1.slotCount) }
            let before = driver.nextAvailable - slots
            try driver.publish()
            model.publishAvailable()
            // A driver that has shown nothing does not ask.
            guard slots > 0 else { return nil }
            return same(try driver.mustRing(since: before), model.mustRing(forLast: slots), "must ring")
        case .pop:
            let expected = model.pop()
            guard var chain = try queue.pop() else { return same(nil, expected, "pop") }
            var found: [DriverQueue.Buffer] = []
            while let next = try chain.next(in: queue) {
                found.append(.init(next.address, next.byteCount, isWritable: next.isWritable))
            }
            heads.append(chain.head)
            undoable += 1
            let chainFound = ReferencePackedRing.Chain(
                id: chain.head.index, slotCount: chain.head.slotCount, buffers: found)
            return same(chainFound, expected, "pop")
        case .popIntoBuffers:
            let expected = model.pop()
            let buffers = ChainBuffers(capacity: 1)
            guard let head = try queue.pop(into: buffers) else { return same(nil, expected, "pop into") }
            heads.append(head)
            kept[head] = buffers
            undoable += 1
            let readable = expected?.buffers.reduce(0) { $0 + ($1.isWritable ? 0 : UInt64($1.byteCount)) }
            let writable = expected?.buffers.reduce(0) { $0 + ($1.isWritable ? UInt64($1.byteCount) : 0) }
            return same(head.index, expected?.id, "id") ?? same(buffers.readableByteCount, readable, "readable")
                ?? same(buffers.writableByteCount, writable, "writable")
        case .undoPop:
            guard undoable > 0 else { return nil }
            let head = heads.removeLast()
            kept[head] = nil
            queue.undoPop(head)
            model.undoPop()
            undoable -= 1
        case .push(let pick, let written), .stage(let pick, let written):
            guard !heads.isEmpty else { return nil }
            let position = pick % heads.count
            let head = heads.remove(at: position)
            undoable = min(undoable, heads.count - position)
            let buffers = kept.removeValue(forKey: head)
            // Half of them are written to the end, which is when a queue in order may save an entry.
            let room = buffers.map { UInt32(clamping: $0.writableByteCount) } ?? written
            let written = pick % 2 == 0 ? room : written
            model.stage(position, written: written)
            if let buffers { queue.stage(buffers, written: written) } else { queue.stage(head, written: written) }
            if case .push = step {
                queue.publish()
                model.publishUsed()
            }
        case .publishUsed:
            queue.publish()
            model.publishUsed()
        case .takeUsed: return same(try driver.takeUsed(), model.takeUsed(), "take used")
        case .driverEvent(let flags, let distance):
            let slot = model.usedSlots + distance - min(2, model.usedSlots)
            try driver.setDriverEvent(flags: flags, driver.position(slot))
            // Without VIRTIO_F_EVENT_IDX a position means nothing; 3 is reserved. Both ask for all.
            model.driverEvent = flags == 1 ? .none : flags == 2 && hasEventIndex ? .at(slot) : .all
        case .shouldSignal: return same(queue.shouldSignalDriver(), model.shouldSignalDriver(), "should signal")
        case .disable:
            queue.disableNotifications()
            model.disableNotifications()
        case .enable: return same(queue.enableNotifications(), model.enableNotifications(), "enable")
        case .saveAndRestore:
            model.publishUsed()
            let state = queue.save()
            queue = try state.restore(memory: driver.memory, features: driver.features)
            kept = [:]
            heads = heads.compactMap { queue.head(inFlight: $0.index, slotCount: $0.slotCount) }
            undoable = 0
            return same(state, queue.save(), "state")
                ?? same(state.nextAvailable, driver.position(model.takenSlots).rawValue, "next available")
                ?? same(state.nextUsed, driver.position(model.usedSlots).rawValue, "next used")
        }
        return same(queue.inFlight, model.inFlight.count, "in flight")
    }

    private func same<T: Equatable>(_ found: T?, _ expected: T?, _ what: String) -> String? {
        found == expected ? nil : "\(what): \(String(describing: found)), expected \(String(describing: expected))"
    }
}

@Suite struct PackedModelTests {
    @Test("thousands of random steps do the same to a packed queue and to the model")
    func randomSteps() throws {
        for seed in ModelTests.seeds {
            var generator = SeededGenerator(seed: ~seed)
            let script = (0..<1500).map { _ in Step.random(&generator) }
            guard let failure = Self.run(script, seed: seed) else { continue }
            let short = shortened(Array(script.prefix(failure.step + 1))) { Self.run($0, seed: seed) != nil }
            Issue.record("MODEL_SEED=\(seed): \(failure.what)\nshortest script: \(short)")
            return
        }
    }

    private static func run(_ script: [Step], seed: UInt64) -> (step: Int, what: String)? {
        do {
            var pair = try Pair(seed: seed)
            for (index, step) in script.enumerated() {
                do {
                    if let what = try pair.apply(step) { return (index, "\(step): \(what)") }
                } catch {
                    return (index, "\(step): \(error)")
                }
            }
        } catch {
            return (0, "\(error)")
        }
        return nil
    }
}
