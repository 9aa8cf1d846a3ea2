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
    case usedEvent(UInt16)
    case noInterrupts(Bool)
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
        case 20: return .usedEvent(UInt16.random(in: 0...6, using: &generator))
        case 21: return Bool.random(using: &generator) ? .noInterrupts(Bool.random(using: &generator)) : .saveAndRestore
        case 22: return .shouldSignal
        default: return Bool.random(using: &generator) ? .disable : .enable
        }
    }
}

/// A real queue and the model, side by side.
private struct Pair {
    let driver: DriverQueue
    var queue: Queue
    var model: ReferenceRing
    /// The buffers of those in flight that were taken into some.
    var kept: [ChainHead: ChainBuffers] = [:]
    let heap: GuestAddress
    /// Heads in flight, as the model has them.
    var heads: [ChainHead] = []
    /// How many of the last heads may be put back: no chain that was taken after them has been returned.
    var undoable = 0

    init(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed)
        let size = UInt16(1) << UInt16.random(in: 0...5, using: &generator)
        // Half of the runs cross the wrap of the indices.
        let first = Bool.random(using: &generator) ? 0 : UInt16.random(in: 65500...65535, using: &generator)
        var features: VirtioFeatures = [.version1, .indirectDescriptors]
        if Bool.random(using: &generator) { features.insert(.eventIndex) }
        if Bool.random(using: &generator) { features.insert(.inOrder) }
        driver = try DriverQueue(size: size, features: features, firstIndex: first)
        queue = try restored(driver, at: first)
        model = ReferenceRing(
            firstIndex: first, hasEventIndex: features.contains(.eventIndex), isInOrder: features.contains(.inOrder))
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
            if let head = try driver.add(buffers, isIndirect: isIndirect) {
                model.add(.init(head: head, buffers: buffers))
            }
        case .publishAvailable:
            let before = driver.availableIndex &- UInt16(model.added.count)
            let count = model.added.count
            try driver.publish()
            model.publishAvailable()
            return same(try driver.mustRing(since: before), model.mustRing(forLast: count), "must ring")
        case .pop:
            let expected = model.pop()
            guard var chain = try queue.pop() else { return same(nil, expected, "pop") }
            var found: [DriverQueue.Buffer] = []
            while let next = try chain.next(in: queue) {
                found.append(.init(next.address, next.byteCount, isWritable: next.isWritable))
            }
            heads.append(chain.head)
            undoable += 1
            return same(.init(head: chain.head.index, buffers: found), expected, "pop")
        case .popIntoBuffers:
            let expected = model.pop()
            let buffers = ChainBuffers(capacity: 1)
            guard let head = try queue.pop(into: buffers) else { return same(nil, expected, "pop into") }
            heads.append(head)
            kept[head] = buffers
            undoable += 1
            let readable = expected?.buffers.reduce(0) { $0 + ($1.isWritable ? 0 : UInt64($1.byteCount)) }
            let writable = expected?.buffers.reduce(0) { $0 + ($1.isWritable ? UInt64($1.byteCount) : 0) }
            return same(head.index, expected?.head, "head") ?? same(buffers.readableByteCount, readable, "readable")
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
        case .usedEvent(let distance):
            let event = UInt16(truncatingIfNeeded: model.usedCount) &+ distance &- 2
            try driver.setUsedEvent(event)
            model.usedEvent = event
        case .noInterrupts(let isOn):
            try driver.setAvailableFlags(isOn ? 1 : 0)
            model.wantsNoInterrupts = isOn
        case .shouldSignal: return same(queue.shouldSignalDriver(), model.shouldSignalDriver(), "should signal")
        case .disable:
            queue.disableNotifications()
            model.disableNotifications()
        case .enable: return same(queue.enableNotifications(), model.enableNotifications(), "enable")
        case .saveAndRestore:
            model.publishUsed()
            queue = try queue.save().restore(memory: driver.memory, features: driver.features)
            kept = [:]
            heads = heads.compactMap { queue.head(inFlight: $0.index, slotCount: $0.slotCount) }
            undoable = 0
        }
        let usedIndex = try driver.usedIndex()
        return same(queue.inFlight, model.inFlight.count, "in flight")
            ?? same(usedIndex, UInt16(truncatingIfNeeded: model.usedCount), "used index")
    }

    private func same<T: Equatable>(_ found: T?, _ expected: T?, _ what: String) -> String? {
        found == expected ? nil : "\(what): \(String(describing: found)), expected \(String(describing: expected))"
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
    func randomSteps() throws {
        for seed in Self.seeds {
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
