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
    let format: RingFormat

    static let all = of(.split, prefix: "") + of(.packed, prefix: "packed, ")

    private static func of(_ format: RingFormat, prefix: String) -> [Scenario] {
        let shapes = [(128, 1, false), (1, 128, false), (128, 1, true), (1, 128, true)]
        var all: [Scenario] = []
        for (what, work) in [("walk", Work.walk), ("to iovecs", .translate)] {
            for (chains, length, isIndirect) in shapes {
                let shape = (chains == 1 ? "1 chain of " : "\(chains) chains of ") + "\(length)"
                all.append(
                    Scenario(
                        name: prefix + shape + (isIndirect ? ", indirect, " : ", ") + what, chains: chains,
                        length: length, isIndirect: isIndirect, work: work, format: format))
            }
        }
        for (how, work) in [("together", Work.giveBack), ("one by one", .giveBackEach)] {
            all.append(
                Scenario(
                    name: prefix + "128 used, published \(how)", chains: 128, length: 1, isIndirect: false, work: work,
                    format: format))
        }
        return all
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
