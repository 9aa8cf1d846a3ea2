// SPDX-License-Identifier: Apache-2.0

extension Filter {
    /// Compares a program with the filter on the calls of ``boundaryCalls``.
    ///
    /// - Returns: how many calls were compared.
    public func check(_ program: BPFProgram, from backEnd: BackEnd = .own) throws(CompileError) -> Int {
        let calls = boundaryCalls
        let groups = Dictionary(grouping: rules.indices) { numbers[$0] }
        for call in calls {
            let expected = action(for: call, rulesOfCall: groups[call.number] ?? [])
            let found = program.run(on: call).action
            guard found == expected else {
                throw .mismatch(call: call, filter: expected, program: found, backEnd: backEnd)
            }
        }
        return calls.count
    }

    /// ``verdict(on:)``, with the rules of the call's number found already.
    private func action(for call: SystemCall, rulesOfCall: [Int]) -> Action {
        guard call.auditValue == architecture.auditValue, !call.isX32 else { return Self.foreignAction }
        let rule = rulesOfCall.first { index in
            rules[index].conditions.allSatisfy { $0.matches(call.arguments[$0.argument]) }
        }
        return rule.flatMap { action(ofRule: $0) } ?? defaultAction
    }

    /// Calls at the edges of each rule: for each comparison the values beside and on it, with both halves of the argument
    /// changed; the numbers beside each number, with what the rules for it want too; all small ones, x32's range; other
    /// architectures.
    public var boundaryCalls: [SystemCall] {
        var calls: [SystemCall] = []
        let listed = Set(numbers)
        var probed = listed.union(0..<512)
        for number in listed { probed.formUnion([number &- 1, number &+ 1, number | 0x4000_0000]) }
        probed.formUnion([0x3FFF_FFFF, 0x4000_0000, 0x7FFF_FFFF, 0x8000_0000, 0xC000_0000, .max - 1, .max])
        for number in probed.sorted() { calls.append(SystemCall(number, on: architecture)) }
        for number in listed {
            calls.append(SystemCall(number, [.max, .max, .max, .max, .max, .max], on: architecture))
        }
        let foreign = Architecture.allCases.map(\.auditValue).filter { $0 != architecture.auditValue }
        for auditValue in foreign + [0, .max, 0x4000_0003, architecture.auditValue ^ 0x8000_0000] {
            for number in listed { calls.append(SystemCall(number, auditValue: auditValue)) }
            calls.append(SystemCall(0, auditValue: auditValue))
        }
        for (number, indices) in Dictionary(grouping: rules.indices, by: { numbers[$0] }) {
            let conditional = indices.map { rules[$0].conditions }.filter { !$0.isEmpty }
            if !conditional.isEmpty { appendCalls(number, conditional, to: &calls) }
        }
        return calls
    }

    private func appendCalls(_ number: UInt32, _ rules: [[Condition]], to calls: inout [SystemCall]) {
        let all = Candidates(rules.joined())
        for (index, conditions) in rules.enumerated() {
            let own = Candidates(conditions)
            // A call that the rule fits, where one of the candidates does; then one argument after the other is moved.
            let base = (0..<SystemCall.argumentCount).map { argument in
                let tests = conditions.filter { $0.argument == argument }
                return own.values[argument].first { value in tests.allSatisfy { $0.matches(value) } } ?? 0
            }
            // The first two rules meet the others' edges too; all rules would make the number of calls a square.
            let moved = index < 2 ? all : own
            calls.append(SystemCall(number, base, on: architecture))
            // Beside it is another call, which such arguments must not help.
            for beside in [number &- 1, number &+ 1] { calls.append(SystemCall(beside, base, on: architecture)) }
            for argument in 0..<SystemCall.argumentCount {
                for value in moved.values[argument] {
                    var arguments = base
                    arguments[argument] = value
                    calls.append(SystemCall(number, arguments, on: architecture))
                }
            }
        }
        // Mixtures, the same for each run.
        var state = UInt64(number) &* 0x9E37_79B9_7F4A_7C15 | 1
        for _ in 0..<min(64 * rules.count, 512) {
            let arguments = all.values.map { values -> UInt64 in
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return values.isEmpty ? state : values[Int(truncatingIfNeeded: (state >> 33)) % values.count]
            }
            calls.append(SystemCall(number, arguments, on: architecture))
        }
    }
}

/// For each argument the values at which conditions change their mind.
private struct Candidates {
    let values: [[UInt64]]

    init(_ conditions: some Sequence<Condition>) {
        var sets = [Set<UInt64>](repeating: [], count: SystemCall.argumentCount)
        for condition in conditions {
            let value = condition.value
            let half: UInt64 = 1 << 32
            let low: UInt64 = half - 1
            var edges: [UInt64] = [0, UInt64.max, value, value &- 1, value &+ 1, value ^ half, value ^ (1 << 63)]
            edges += [value & low, value | low, value & ~low, value &+ half, value &- half] as [UInt64]
            if case .maskedEqual(let mask) = condition.comparison {
                let wanted: UInt64 = value & mask
                let lowest: UInt64 = mask & (0 &- mask)
                let highest: UInt64 = mask == 0 ? 0 : 1 << UInt64(63 - mask.leadingZeroBitCount)
                edges += [wanted, value | ~mask, wanted ^ lowest, wanted ^ highest, mask, ~mask] as [UInt64]
            }
            sets[condition.argument].formUnion(edges)
        }
        values = sets.map { $0.sorted() }
    }
}
