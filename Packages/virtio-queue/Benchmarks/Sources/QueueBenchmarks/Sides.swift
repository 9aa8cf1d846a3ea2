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
                case .walk: sum &+= try walk()
                case .translate: sum &+= try translate()
                case .giveBack: try giveBack()
                case .giveBackEach: try giveBackEach()
                }
            } catch { return -1 }
        }
        return sum
    }

    private func walk() throws(QueueError) -> Int64 {
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

    private func translate() throws(QueueError) -> Int64 {
        var sum: Int64 = 0
        while try queue.pop(into: buffers) != nil {
            let total = UInt32(truncatingIfNeeded: buffers.readableByteCount &+ buffers.writableByteCount)
            sum &+= Int64(total)
            queue.stage(buffers, written: total)
        }
        queue.publish()
        return sum
    }

    private func giveBack() throws(QueueError) {
        while let chain = try queue.pop() { queue.stage(chain.head, written: 0) }
        queue.publish()
    }

    private func giveBackEach() throws(QueueError) {
        while let chain = try queue.pop() { queue.push(chain.head, written: 0) }
    }
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
        queue.pointee.descriptors = UnsafePointer(try driver.host(.descriptorTable))
        queue.pointee.available = UnsafePointer(try driver.host(.availableRing))
        queue.pointee.used = try driver.host(.usedRing)
        if let region = driver.memory.regions.first {
            queue.pointee.region_start = region.range.start.rawValue
            queue.pointee.region_byte_count = region.range.byteCount
            queue.pointee.region_host = region.hostAddress.assumingMemoryBound(to: UInt8.self)
        }
        queue.pointee.size = driver.configuration.size
        queue.pointee.is_packed = scenario.format == .packed ? 1 : 0
        queue.pointee.wrap = 1
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
