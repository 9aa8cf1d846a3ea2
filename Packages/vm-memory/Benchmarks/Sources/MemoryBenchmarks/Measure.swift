// SPDX-License-Identifier: Apache-2.0
internal import CBaseline

/// One line of the table: the package's way of doing something and the C way, on the same mapping.
struct Comparison {
    let name: String
    /// Accesses that one call of either closure makes.
    let count: UInt64
    let ours: (UInt64) -> Void
    let baseline: (UInt64) -> Void
    /// The ratio that the package promises, if it does.
    var limit: Double?
}

/// What a comparison came to, in nanoseconds an access.
struct Outcome {
    let ours: Double
    let baseline: Double
    let ratio: Double
    /// Bytes of heap that all measured accesses together left in use.
    let heapGrowth: Int
}

/// Runs both sides in turns, so that a busy moment of the machine hits both, and takes medians: of each side, and of
/// the ratio of neighbouring rounds.
func measure(_ comparison: Comparison, rounds: Int) -> Outcome {
    var ours = [Double](repeating: 0, count: rounds)
    var baseline = [Double](repeating: 0, count: rounds)
    comparison.ours(comparison.count)
    comparison.baseline(comparison.count)
    var growth = 0
    for round in 0..<rounds {
        let before = baseline_heap_in_use()
        let start = baseline_clock()
        comparison.ours(comparison.count)
        let middle = baseline_clock()
        growth += Int(baseline_heap_in_use()) - Int(before)
        let again = baseline_clock()
        comparison.baseline(comparison.count)
        let end = baseline_clock()
        ours[round] = Double(middle - start) / Double(comparison.count)
        baseline[round] = Double(end - again) / Double(comparison.count)
    }
    let ratios = zip(ours, baseline).map { $0 / $1 }
    return Outcome(ours: median(ours), baseline: median(baseline), ratio: median(ratios), heapGrowth: growth)
}

private func median(_ values: [Double]) -> Double {
    values.sorted()[values.count / 2]
}
