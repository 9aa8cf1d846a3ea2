// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VirtioQueue
import VirtioQueueTestSupport

/// One thing that driver or device does; numbers are reduced to what is possible when it is done.
enum ModelStep {
    case add(count: Int, readable: Int, isIndirect: Bool)
    case publishAvailable
    case takeUsed
    case driverEvent(flags: UInt16, distance: UInt64)
    case saveAndRestore
    case device(DeviceStep)

    static func random(_ generator: inout SeededGenerator) -> ModelStep {
        switch UInt64.random(in: 0..<24, using: &generator) {
        case 0...4:
            let count = Int.random(in: 1...5, using: &generator)
            return .add(
                count: count, readable: Int.random(in: 0...count, using: &generator),
                isIndirect: Bool.random(using: &generator))
        case 5...7: return .publishAvailable
        case 8...9: return .takeUsed
        case 10:
            let flags = UInt16.random(in: 0...3, using: &generator)
            return .driverEvent(flags: flags, distance: UInt64.random(in: 0...6, using: &generator))
        case 11: return .saveAndRestore
        default: return .device(.random(&generator))
        }
    }
}

/// What a device does, whatever the form of its ring.
enum DeviceStep {
    case pop
    case popIntoBuffers
    case undoPop
    case push(Int, UInt32)
    case stage(Int, UInt32)
    case publishUsed
    case shouldSignal
    case disable
    case enable
    case serveUnread(limit: Int, UInt32)

    static func random(_ generator: inout SeededGenerator) -> DeviceStep {
        let (pick, written) = (
            Int.random(in: 0..<64, using: &generator), UInt32.random(in: 0...9, using: &generator)
        )
        switch UInt64.random(in: 0..<13, using: &generator) {
        case 0...1: return .pop
        case 2...3: return .popIntoBuffers
        case 4: return .undoPop
        case 5...6: return .push(pick, written)
        case 7...8: return .stage(pick, written)
        case 9: return .publishUsed
        case 10: return .shouldSignal
        case 11: return .serveUnread(limit: pick % 4 + 1, written)
        default: return pick & 1 == 0 ? .disable : .enable
        }
    }
}

/// The device's side of a model, of either form of ring.
protocol DeviceModel {
    associatedtype Chain: ModelChain
    var inFlight: [Chain] { get }
    mutating func pop() -> Chain?
    mutating func undoPop()
    mutating func stage(_ position: Int, written: UInt32)
    mutating func publishUsed()
    mutating func shouldSignalDriver() -> Bool
    mutating func disableNotifications()
    mutating func enableNotifications() -> Bool
}

protocol ModelChain: Equatable {
    /// What the ring calls it.
    var name: UInt16 { get }
    var buffers: [DriverQueue.Buffer] { get }
    init(_ head: ChainHead, _ buffers: [DriverQueue.Buffer])
}

extension ReferenceRing: DeviceModel {}
extension ReferenceRing.Chain: ModelChain {
    var name: UInt16 { head }
    init(_ head: ChainHead, _ buffers: [DriverQueue.Buffer]) { self.init(head: head.index, buffers: buffers) }
}
extension ReferencePackedRing: DeviceModel {}
extension ReferencePackedRing.Chain: ModelChain {
    var name: UInt16 { id }
    init(_ head: ChainHead, _ buffers: [DriverQueue.Buffer]) {
        self.init(id: head.index, slotCount: head.slotCount, buffers: buffers)
    }
}

/// A real queue and its model, side by side, as a device has them.
struct ModelledQueue<Model: DeviceModel> {
    var queue: Queue
    var model: Model
    /// The buffers of those in flight that were taken into some.
    private var kept: [ChainHead: ChainBuffers] = [:]
    /// Heads in flight, as the model has them.
    private var heads: [ChainHead] = []
    /// How many of the last heads may be put back: no chain that was taken after them has been returned.
    private var undoable = 0

    init(_ queue: Queue, _ model: Model) {
        self.queue = queue
        self.model = model
    }

    /// Does one step on both. Returns what differed.
    mutating func apply(_ step: DeviceStep) throws -> String? {
        switch step {
        case .pop:
            let expected = model.pop()
            guard var chain = try queue.pop() else { return differ(nil, expected, "pop") }
            var found: [DriverQueue.Buffer] = []
            while let next = try chain.next(in: queue) {
                found.append(.init(next.address, next.byteCount, isWritable: next.isWritable))
            }
            heads.append(chain.head)
            undoable += 1
            return differ(Model.Chain(chain.head, found), expected, "pop")
        case .popIntoBuffers:
            let expected = model.pop()
            let buffers = ChainBuffers(capacity: 1)
            guard let head = try queue.pop(into: buffers) else { return differ(nil, expected, "pop into") }
            heads.append(head)
            kept[head] = buffers
            undoable += 1
            let readable = expected?.buffers.reduce(0) { $0 + ($1.isWritable ? 0 : UInt64($1.byteCount)) }
            let writable = expected?.buffers.reduce(0) { $0 + ($1.isWritable ? UInt64($1.byteCount) : 0) }
            return differ(head.index, expected?.name, "name")
                ?? differ(buffers.readableByteCount, readable, "readable")
                ?? differ(buffers.writableByteCount, writable, "writable")
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
        case .shouldSignal: return differ(queue.shouldSignalDriver(), model.shouldSignalDriver(), "should signal")
        case .disable:
            queue.disableNotifications()
            model.disableNotifications()
        case .enable: return differ(queue.enableNotifications(), model.enableNotifications(), "enable")
        case .serveUnread(let limit, let written):
            var found: [UInt16] = []
            let outcome = try queue.serveUnread(limit: limit) {
                found.append($0.index)
                return written
            }
            model.disableNotifications()
            var expected: [UInt16] = []
            while expected.count < limit, let chain = model.pop() {
                expected.append(chain.name)
                model.stage(heads.count, written: written)
            }
            model.publishUsed()
            if !expected.isEmpty { undoable = 0 }
            let isDrained = expected.count < limit
            if isDrained, model.enableNotifications() { return "the model has more" }
            return differ(found, expected, "unread")
                ?? differ(outcome, isDrained ? .drained : .limitReached, "outcome")
        }
        return nil
    }

    /// Makes the queue again of its state, without the buffers of what is in flight.
    mutating func saveAndRestore() throws -> QueueState {
        model.publishUsed()
        let state = queue.save()
        queue = try state.restore(memory: queue.memory, features: queue.features)
        kept = [:]
        heads = heads.compactMap { queue.head(inFlight: $0.index, slotCount: $0.slotCount) }
        undoable = 0
        return state
    }
}

/// What is found and what was expected, if they are not the same.
func differ<T: Equatable>(_ found: T?, _ expected: T?, _ what: String) -> String? {
    found == expected ? nil : "\(what): \(String(describing: found)), expected \(String(describing: expected))"
}

/// A driver with a queue and its model.
protocol ModelPair {
    init(seed: UInt64) throws
    /// Does one step on both. Returns what differed.
    mutating func apply(_ step: ModelStep) throws -> String?
}

extension ModelPair {
    /// Plays a random script for each seed; of the first that fails, the shortest that does is recorded.
    static func play(_ seeds: [UInt64]) {
        for seed in seeds {
            var generator = SeededGenerator(seed: ~seed)
            let script = (0..<1500).map { _ in ModelStep.random(&generator) }
            guard let failure = run(script, seed: seed) else { continue }
            let short = shortened(Array(script.prefix(failure.step + 1))) { run($0, seed: seed) != nil }
            Issue.record("MODEL_SEED=\(seed): \(failure.what)\nshortest script: \(short)")
            return
        }
    }

    private static func run(_ script: [ModelStep], seed: UInt64) -> (step: Int, what: String)? {
        do {
            var pair = try Self(seed: seed)
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
