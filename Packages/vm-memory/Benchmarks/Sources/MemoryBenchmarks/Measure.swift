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

/// Runs both sides of every comparison in turns, round after round over the whole table, so that a busy moment of the
/// machine hits all alike, and takes medians: of each side, and of the ratio of neighbouring runs.
func measure(_ comparisons: [Comparison], rounds: Int) -> [Outcome] {
    var ours = [[Double]](repeating: [], count: comparisons.count)
    var baseline = ours
    var growth = [Int](repeating: 0, count: comparisons.count)
    for round in 0...rounds {
        for (index, comparison) in comparisons.enumerated() {
            let before = baseline_heap_in_use()
            let start = baseline_clock()
            comparison.ours(comparison.count)
            let middle = baseline_clock()
            let after = baseline_heap_in_use()
            let again = baseline_clock()
            comparison.baseline(comparison.count)
            let end = baseline_clock()
            // The first round warms caches, pages and lazy bindings.
            guard round > 0 else { continue }
            ours[index].append(Double(middle - start) / Double(comparison.count))
            baseline[index].append(Double(end - again) / Double(comparison.count))
            growth[index] += Int(after) - Int(before)
        }
    }
    return comparisons.indices.map { index in
        let ratios = zip(ours[index], baseline[index]).map { $0 / $1 }
        return Outcome(
            ours: median(ours[index]), baseline: median(baseline[index]), ratio: median(ratios),
            heapGrowth: growth[index])
    }
}

private func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    return sorted.isEmpty ? 0 : sorted[sorted.count / 2]
}
