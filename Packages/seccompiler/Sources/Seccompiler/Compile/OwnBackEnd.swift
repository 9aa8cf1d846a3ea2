// SPDX-License-Identifier: Apache-2.0

/// The back end that compiles every filter.
///
/// ```
/// ld arch, else kill ─ ld number ─ tree of jge over the numbers ─ a call's rules in order ─ ret
/// ```
/// The numbers from 0 to 2^32 - 1 are cut into segments with one outcome each; calls that a filter does not name, and x32's
/// range, are segments like others.
struct OwnBackEnd {
    private let filter: Filter
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

    static func compile(_ filter: Filter) throws(BPFError) -> BPFProgram {
        var backEnd = OwnBackEnd(filter: filter)
        return try backEnd.program()
    }

    private init(filter: Filter) { self.filter = filter }

    private mutating func program() throws(BPFError) -> BPFProgram {
        let segments = segments(outcomesByNumber())
        var next = try tree(segments[...])
        // With one outcome for all numbers there is no test to load the number for.
        if segments.count > 1 { next = try assembler.load(0, then: next) }
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

    private mutating func tree(_ segments: ArraySlice<Segment>) throws(BPFError) -> Assembler.Label {
        guard segments.count > 1 else {
            return try body(segments.first?.outcome ?? Outcome(last: filter.defaultAction))
        }
        let cut = segments.startIndex + segments.count / 2
        let upper = try tree(segments[cut...])
        let lower = try tree(segments[..<cut])
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
