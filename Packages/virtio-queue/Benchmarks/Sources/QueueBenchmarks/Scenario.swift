// SPDX-License-Identifier: Apache-2.0
internal import CBaseline
internal import VMMemory
internal import VirtioQueue
internal import VirtioQueueTestSupport

/// What a driver offers again and again, and what the device does with it.
struct Scenario {
    enum Work { case walk, translate, giveBack, giveBackEach }

    let name: String
    let chains: Int
    let length: Int
    let isIndirect: Bool
    let work: Work

    static let all = [
        Scenario(name: "128 chains of 1, walk", chains: 128, length: 1, isIndirect: false, work: .walk),
        Scenario(name: "1 chain of 128, walk", chains: 1, length: 128, isIndirect: false, work: .walk),
        Scenario(name: "128 chains of 1, indirect, walk", chains: 128, length: 1, isIndirect: true, work: .walk),
        Scenario(name: "1 chain of 128, indirect, walk", chains: 1, length: 128, isIndirect: true, work: .walk),
        Scenario(name: "128 chains of 1, to iovecs", chains: 128, length: 1, isIndirect: false, work: .translate),
        Scenario(name: "1 chain of 128, to iovecs", chains: 1, length: 128, isIndirect: false, work: .translate),
        Scenario(
            name: "128 chains of 1, indirect, to iovecs", chains: 128, length: 1, isIndirect: true, work: .translate),
        Scenario(
            name: "1 chain of 128, indirect, to iovecs", chains: 1, length: 128, isIndirect: true, work: .translate),
        Scenario(name: "128 used, published together", chains: 128, length: 1, isIndirect: false, work: .giveBack),
        Scenario(
            name: "128 used, published one by one", chains: 128, length: 1, isIndirect: false, work: .giveBackEach),
    ]

    /// A queue whose available ring names the scenario's chains over and over, so that offering them again is one store.
    func makeDriver() throws -> DriverQueue {
        let driver = try DriverQueue(size: 256)
        var heads: [UInt16] = []
        for _ in 0..<chains {
            let buffers = (0..<length).map { index in
                let buffer = DriverQueue.Buffer(driver.allocate(64), 64, isWritable: index * 2 >= length)
                // Not adjacent, or the pieces would be joined.
                _ = driver.allocate(16)
                return buffer
            }
            if let head = try driver.add(buffers, isIndirect: isIndirect) { heads.append(head) }
        }
        for slot in 0..<256 as Range<Int> {
            try driver.setAvailableEntry(UInt16(slot), heads[slot % heads.count])
        }
        return driver
    }
}

/// Medians over rounds.
struct Outcome {
    let ours: Double
    let baseline: Double
    let ratio: Double
    /// Calls of malloc, calloc and realloc in all of our rounds together.
    let allocations: UInt64
}

func measure(_ scenario: Scenario, rounds: Int) throws -> Outcome {
    let device = try Device(scenario)
    let baseline = try Baseline(scenario)
    let repeats = 400
    let bytes = device.run(repeats)
    guard bytes == baseline.run(repeats) else { throw Disagreement() }
    var ours: [Double] = []
    var theirs: [Double] = []
    ours.reserveCapacity(rounds)
    theirs.reserveCapacity(rounds)
    var allocations: UInt64 = 0
    for _ in 0..<rounds {
        let before = baseline_allocations()
        let start = baseline_clock()
        _ = device.run(repeats)
        let middle = baseline_clock()
        allocations += baseline_allocations() - before
        _ = baseline.run(repeats)
        let end = baseline_clock()
        ours.append(Double(middle - start) / Double(repeats))
        theirs.append(Double(end - middle) / Double(repeats))
    }
    return Outcome(
        ours: median(ours), baseline: median(theirs), ratio: median(zip(ours, theirs).map { $0 / $1 }),
        allocations: allocations)
}

/// Ours and the baseline did not do the same.
struct Disagreement: Error {}

private func median(_ values: [Double]) -> Double { values.sorted()[values.count / 2] }
