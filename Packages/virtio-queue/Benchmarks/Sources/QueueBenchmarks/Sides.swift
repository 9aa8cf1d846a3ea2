// SPDX-License-Identifier: Apache-2.0
internal import CBaseline
internal import VMMemory
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// Our side of a scenario.
final class Device {
    private let scenario: Scenario
    private let driver: DriverQueue
    private let queue: Queue
    private let available: UnsafeMutablePointer<UInt8>
    private let buffers = ChainBuffers()
    @exclusivity(unchecked) private var index: UInt16 = 0

    init(_ scenario: Scenario) throws {
        self.scenario = scenario
        driver = try scenario.makeDriver()
        queue = try driver.activate()
        available = try host(driver, driver.configuration.availableRing)
    }

    /// Serves all chains so many times. Returns the bytes of all of them, or -1.
    func run(_ repeats: Int) -> Int64 {
        var sum: Int64 = 0
        for _ in 0..<repeats {
            index &+= UInt16(scenario.chains)
            baseline_offer(available, index)
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
        while var chain = try queue.pop() {
            var total: UInt32 = 0
            while let descriptor = try chain.next(in: queue) { total &+= descriptor.byteCount }
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
    private let driver: DriverQueue
    private let queue: UnsafeMutablePointer<baseline_queue>
    private let available: UnsafeMutablePointer<UInt8>
    private var index: UInt16 = 0

    init(_ scenario: Scenario) throws {
        self.scenario = scenario
        driver = try scenario.makeDriver()
        available = try host(driver, driver.configuration.availableRing)
        queue = .allocate(capacity: 1)
        queue.initialize(to: baseline_queue())
        queue.pointee.descriptors = UnsafePointer(try host(driver, driver.configuration.descriptorTable))
        queue.pointee.available = UnsafePointer(available)
        queue.pointee.used = try host(driver, driver.configuration.usedRing)
        if let region = driver.memory.regions.first {
            queue.pointee.region_start = region.range.start.rawValue
            queue.pointee.region_byte_count = region.range.byteCount
            queue.pointee.region_host = region.hostAddress.assumingMemoryBound(to: UInt8.self)
        }
        queue.pointee.size = driver.size
    }

    deinit { queue.deallocate() }

    func run(_ repeats: Int) -> Int64 {
        var sum: Int64 = 0
        for _ in 0..<repeats {
            index &+= UInt16(scenario.chains)
            baseline_offer(available, index)
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

private func host(_ driver: DriverQueue, _ address: GuestAddress) throws -> UnsafeMutablePointer<UInt8> {
    guard let region = driver.memory.region(containing: address), let offset = address.offset(from: region.range.start)
    else { throw Disagreement() }
    return (region.hostAddress + Int(offset)).assumingMemoryBound(to: UInt8.self)
}
