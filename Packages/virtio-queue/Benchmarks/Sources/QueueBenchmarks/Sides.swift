// SPDX-License-Identifier: Apache-2.0
internal import CBaseline
internal import VMMemory
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// Our side of a scenario.
final class Device {
    private let scenario: Scenario
    private let driver: Driver
    private let queue: Queue
    private let buffers = ChainBuffers()

    init(_ scenario: Scenario) throws {
        self.scenario = scenario
        driver = try Driver(scenario)
        queue = try driver.configuration.activate(memory: driver.memory, features: driver.features)
    }

    /// Serves all chains so many times. Returns the bytes of all of them, or -1.
    func run(_ repeats: Int) -> Int64 {
        var sum: Int64 = 0
        for _ in 0..<repeats {
            driver.offer()
            do throws(QueueError) {
                switch scenario.work {
                case .walk: sum &+= try walk(queue)
                case .translate: sum &+= try translate(queue, into: buffers)
                case .giveBack: try giveBack()
                case .giveBackEach: try giveBackEach()
                }
            } catch { return -1 }
        }
        return sum
    }

    private func giveBack() throws(QueueError) {
        _ = try queue.serveUnread(limit: .max) { _ in 0 }
    }

    private func giveBackEach() throws(QueueError) {
        while let chain = try queue.pop() { queue.push(chain.head, written: 0) }
    }
}

/// Walks all chains of a queue and returns them as used for as many bytes as they have. Returns the bytes of all.
func walk(_ queue: Queue) throws(QueueError) -> Int64 {
    var sum: Int64 = 0
    while let chain = try queue.pop() {
        var total: UInt32 = 0
        try chain.forEach(in: queue) { total &+= $0.byteCount }
        sum &+= Int64(total)
        queue.stage(chain.head, written: total)
    }
    queue.publish()
    return sum
}

/// The same with iovecs.
func translate(_ queue: Queue, into buffers: ChainBuffers) throws(QueueError) -> Int64 {
    var sum: Int64 = 0
    while try queue.pop(into: buffers) != nil {
        let total = UInt32(truncatingIfNeeded: buffers.readableByteCount &+ buffers.writableByteCount)
        sum &+= Int64(total)
        queue.stage(buffers, written: total)
    }
    queue.publish()
    return sum
}

/// The C side, on a queue of its own that is laid out the same.
final class Baseline {
    private let scenario: Scenario
    private let driver: Driver
    private let queue: UnsafeMutablePointer<baseline_queue>

    init(_ scenario: Scenario) throws {
        self.scenario = scenario
        driver = try Driver(scenario)
        queue = .allocate(capacity: 1)
        queue.initialize(to: baseline_queue())
        try queue.pointee.begin(driver.configuration, memory: driver.memory, features: driver.features)
    }

    deinit { queue.deallocate() }

    func run(_ repeats: Int) -> Int64 {
        var sum: Int64 = 0
        for _ in 0..<repeats {
            driver.offer()
            let bytes =
                switch scenario.work {
                case .walk: baseline_serve(queue, 0, 0)
                case .translate: baseline_serve(queue, 1, 0)
                case .giveBack: baseline_return(queue, 0)
                case .giveBackEach: baseline_return(queue, 1)
                }
            guard bytes >= 0 else { return -1 }
            sum &+= bytes
        }
        return sum
    }
}

extension baseline_queue {
    /// At the beginning of a queue that is laid out so.
    mutating func begin(_ configuration: QueueConfiguration, memory: GuestMemory, features: VirtioFeatures) throws {
        descriptors = UnsafePointer(try pointer(to: configuration.descriptorTable, in: memory))
        available = UnsafePointer(try pointer(to: configuration.availableRing, in: memory))
        used = try pointer(to: configuration.usedRing, in: memory)
        if let region = memory.regions.first {
            region_start = region.range.start.rawValue
            region_byte_count = region.range.byteCount
            region_host = region.hostAddress.assumingMemoryBound(to: UInt8.self)
            is_plain = region.isReadOnly || region.dirtyBitmap != nil ? 0 : 1
        }
        size = configuration.size
        is_packed = features.contains(.packedRing) ? 1 : 0
        has_indirect = features.contains(.indirectDescriptors) ? 1 : 0
        wrap = 1
    }
}
