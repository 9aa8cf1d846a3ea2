// SPDX-License-Identifier: Apache-2.0

/// The back end that compiles every filter.
///
/// ```
/// ld arch, else kill ─ ld number ─ hot calls by jeq ─ tree of jge over the numbers ─ a call's rules in order ─ ret
/// ```
/// The numbers from 0 to 2^32 - 1 are cut into segments with one outcome each; calls that a filter does not name, and x32's
/// range, are segments like others. With a histogram, the most frequent calls are tested before the tree, as many as make
/// the mean shortest, and the tree is cut by weight.
struct OwnBackEnd {
    private let filter: Filter
    private let histogram: [UInt32: UInt64]
    private var assembler = Assembler()
    private var bodies: [Outcome: Assembler.Label] = [:]

    /// What becomes of a call's number: the rules for it, up to the first that fits everything, then an action.
    private struct Outcome: Hashable {
        struct Step: Hashable {
            let conditions: [Condition]
            let action: Action

            /// What is in the accumulator whenever the rule does not fit, if it is always the same.
            var wordAfterFailure: Assembler.Word? { conditions.count == 1 ? conditions.first?.wordAfterFailure : nil }
        }
        var steps: [Step] = []
        var last: Action
    }

    /// The numbers from `lowest` up to the next segment.
    private struct Segment {
        let lowest: UInt32
        let outcome: Outcome
    }

    static func compile(_ filter: Filter, histogram: [UInt32: UInt64]) throws(BPFError) -> BPFProgram {
        var backEnd = OwnBackEnd(filter: filter, histogram: histogram)
        return try backEnd.program()
    }

    private init(filter: Filter, histogram: [UInt32: UInt64]) {
        self.filter = filter
        self.histogram = histogram
    }

    private mutating func program() throws(BPFError) -> BPFProgram {
        let outcomes = outcomesByNumber()
        let hottest = histogram.filter { outcomes[$0.key] != nil }
            .sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map(\.key)
        let hot = hottest.prefix(bestHotCount(hottest, outcomes))
        let segments = segments(outcomes.filter { !hot.contains($0.key) })

        var next = try tree(segments[...], weights(of: segments, without: Set(hot))[...])
        for number in hot.reversed() {
            guard let outcome = outcomes[number] else { continue }
            let body = try body(outcome)
            next = try assembler.test(.jumpEqual, number, ifTrue: body, ifFalse: next, accumulator: nil)
        }
        // With one outcome for all numbers there is no test to load the number for.
        if segments.count > 1 || !hot.isEmpty { next = try assembler.load(0, then: next) }
        let foreign = try assembler.giveBack(Filter.foreignAction.returnValue)
        next = try assembler.test(
            .jumpEqual, filter.architecture.auditValue, ifTrue: next, ifFalse: foreign, accumulator: nil)
        next = try assembler.load(4, then: next)
        return try BPFProgram(assembler.begin(with: next))
    }

    private func outcomesByNumber() -> [UInt32: Outcome] {
        var outcomes: [UInt32: Outcome] = [:]
        var complete: Set<UInt32> = []
        for (number, rule) in zip(filter.numbers, filter.rules) where !complete.contains(number) {
            let action = rule.action ?? filter.matchAction
            if rule.conditions.isEmpty {
                outcomes[number, default: Outcome(last: action)].last = action
                complete.insert(number)
            } else {
                outcomes[number, default: Outcome(last: filter.defaultAction)]
                    .steps.append(Outcome.Step(conditions: rule.conditions, action: action))
            }
        }
        return outcomes
    }

    private func segments(_ outcomes: [UInt32: Outcome]) -> [Segment] {
        let rest = Outcome(last: filter.defaultAction)
        var points: [UInt32: Outcome] = [:]
        for number in outcomes.keys {
            let (after, overflow) = number.addingReportingOverflow(1)
            if !overflow, outcomes[after] == nil { points[after] = rest }
        }
        points.merge(outcomes) { $1 }
        points[0] = points[0] ?? rest
        if filter.architecture == .x86_64 {
            points[0x4000_0000] = Outcome(last: Filter.foreignAction)
            points[.max] = rest
        }
        var segments: [Segment] = []
        for (number, outcome) in points.sorted(by: { $0.key < $1.key }) where segments.last?.outcome != outcome {
            segments.append(Segment(lowest: number, outcome: outcome))
        }
        return segments
    }

    /// How often each segment's calls were seen, and one for each so that none is at the end of a chain.
    private func weights(of segments: [Segment], without hot: Set<UInt32>) -> [UInt64] {
        var weights = [UInt64](repeating: 1, count: segments.count)
        for (number, count) in histogram where !hot.contains(number) {
            guard let index = segments.lastIndex(where: { $0.lowest <= number }) else { continue }
            weights[index] = weights[index] &+ min(count, 1 << 40) &* UInt64(segments.count)
        }
        return weights
    }

    /// How many of the hottest calls to test one by one so that the mean number of tests is least.
    private func bestHotCount(_ hottest: [UInt32], _ outcomes: [UInt32: Outcome]) -> Int {
        var best = (count: 0, cost: Double.infinity)
        var rest = outcomes
        var chain = 0.0
        // A call that is hot at all is worth a test only while few are before it.
        for count in 0...min(hottest.count, 64) {
            if count > 0 {
                let number = hottest[count - 1]
                rest[number] = nil
                chain += Double(count) * Double(histogram[number] ?? 0)
            }
            let segments = segments(rest)
            let weights = weights(of: segments, without: Set(hottest.prefix(count)))
            let total = weights.reduce(0.0) { $0 + Double($1) } / Double(max(segments.count, 1))
            let cost = chain + total * Double(count) + treeCost(weights[...]) / Double(max(segments.count, 1))
            if cost < best.cost { best = (count, cost) }
        }
        return best.count
    }

    /// Where to cut a tree: at the middle of the weight.
    private static func cut(_ weights: ArraySlice<UInt64>) -> Int {
        let half = weights.reduce(0.0) { $0 + Double($1) } / 2
        var sum = 0.0
        var best = (index: weights.startIndex + 1, distance: Double.infinity)
        for index in weights.indices.dropLast() {
            sum += Double(weights[index])
            let distance = abs(sum - half)
            if distance < best.distance { best = (index + 1, distance) }
        }
        return best.index
    }

    private func treeCost(_ weights: ArraySlice<UInt64>) -> Double {
        guard weights.count > 1 else { return 0 }
        let cut = Self.cut(weights)
        return weights.reduce(0.0) { $0 + Double($1) } + treeCost(weights[..<cut]) + treeCost(weights[cut...])
    }

    private mutating func tree(
        _ segments: ArraySlice<Segment>, _ weights: ArraySlice<UInt64>
    ) throws(BPFError) -> Assembler.Label {
        guard segments.count > 1 else {
            return try body(segments.first?.outcome ?? Outcome(last: filter.defaultAction))
        }
        let cut = Self.cut(weights)
        let upper = try tree(segments[cut...], weights[cut...])
        let lower = try tree(segments[..<cut], weights[..<cut])
        return try assembler.test(
            .jumpGreaterOrEqual, segments[cut].lowest, ifTrue: upper, ifFalse: lower, accumulator: nil)
    }

    private mutating func body(_ outcome: Outcome) throws(BPFError) -> Assembler.Label {
        var next = try assembler.giveBack(outcome.last.returnValue)
        guard !outcome.steps.isEmpty else { return next }
        if let body = bodies[outcome] { return body }
        for (index, step) in outcome.steps.enumerated().reversed() {
            let failure = next
            next = try assembler.giveBack(step.action.returnValue)
            for condition in step.conditions.reversed() {
                next = try assembler.condition(condition, success: next, failure: failure)
            }
            if index > 0, let word = outcome.steps[index - 1].wordAfterFailure {
                next = assembler.withoutLoad(next, of: word)
            }
        }
        bodies[outcome] = next
        return next
    }
}
