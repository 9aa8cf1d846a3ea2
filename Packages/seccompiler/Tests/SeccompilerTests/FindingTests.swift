// SPDX-License-Identifier: Apache-2.0
import Seccompiler
import Testing

@Suite struct FindingTests {
    @Test("rules that never decide are found, with the rule that hides them")
    func unreachable() throws {
        let one = try Condition.of(1, .equal, 1)
        let rows: [([Rule], [Finding])] = [
            ([Rule("read"), Rule("read", [one])], [.hiddenByUnconditional(rule: 1, behind: 0)]),
            ([Rule("read"), Rule("read")], [.unreachable(rule: 1, behind: 0)]),
            ([Rule("read", [one]), Rule("read")], []),
            ([Rule("read", [one]), Rule("read", [one, try .of(0, .less, 3)])], [.unreachable(rule: 1, behind: 0)]),
            (
                [Rule("read", [try .of(1, .less, 9)]), Rule("read", [try .of(1, .lessOrEqual, 8)])],
                [.unreachable(rule: 1, behind: 0)]
            ),
            ([Rule("read", [try .of(1, .less, 9)]), Rule("read", [try .of(1, .lessOrEqual, 9)])], []),
            ([Rule("read", [try .of(1, .equal, 1, .dword)]), Rule("read", [one])], [.unreachable(rule: 1, behind: 0)]),
            ([Rule("read", [one]), Rule("read", [try .of(1, .equal, 1, .dword)])], []),
            ([Rule("read", [one, try .of(1, .equal, 2)])], [.neverFits(rule: 0)]),
            ([Rule("read", [try .of(1, .less, 3), try .of(1, .greater, 2)])], [.neverFits(rule: 0)]),
            ([Rule("read", [try .of(1, .less, 0)])], [.neverFits(rule: 0)]),
            ([Rule("read", [try .of(1, .greater, .max)])], [.neverFits(rule: 0)]),
            ([Rule("read", action: .trap)], [.sameAsDefault(rule: 0)]),
            ([Rule("read", [one], action: .trap), Rule("read")], []),
            (
                [Rule("read", [try .of(1, .maskedEqual(mask: 1), 3)])],
                [.valueOutsideMask(rule: 0, try .of(1, .maskedEqual(mask: 1), 3))]
            ),
        ]
        for (rules, findings) in rows {
            let filter = try allowing(rules)
            #expect(filter.findings == findings, "\(rules)")
            for finding in filter.findings { #expect(filter.describe(finding).contains("rule \(finding.rule)")) }
        }
    }
}
