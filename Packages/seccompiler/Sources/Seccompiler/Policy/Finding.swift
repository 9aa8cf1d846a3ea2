// SPDX-License-Identifier: Apache-2.0

/// Something in a filter that is allowed but hardly meant. Numbers are indices of rules.
public enum Finding: Hashable, Sendable {
    /// A rule that never decides, because an earlier one fits all that it fits.
    case unreachable(rule: Int, behind: Int)
    /// A conditional rule behind an unconditional one for the same call.
    case hiddenByUnconditional(rule: Int, behind: Int)
    /// A rule whose conditions exclude each other.
    case neverFits(rule: Int)
    /// Bits of the value that the mask leaves out.
    case valueOutsideMask(rule: Int, Condition)
    /// A rule that does what would happen without it.
    case sameAsDefault(rule: Int)

    /// The rule it is about.
    public var rule: Int {
        switch self {
        case .unreachable(let rule, _), .hiddenByUnconditional(let rule, _), .neverFits(let rule),
            .valueOutsideMask(let rule, _), .sameAsDefault(let rule):
            rule
        }
    }
}

extension Filter {
    /// What is suspicious about the rules, in their order.
    public var findings: [Finding] {
        var findings: [Finding] = []
        for (index, rule) in rules.enumerated() {
            for condition in rule.conditions {
                if case .maskedEqual(let mask) = condition.comparison, condition.value & ~mask != 0 {
                    findings.append(.valueOutsideMask(rule: index, condition))
                }
            }
            let sameCall = rules.indices.filter { numbers[$0] == numbers[index] }
            if rule.excludesItself {
                findings.append(.neverFits(rule: index))
            } else if let earlier = sameCall.first(where: { $0 < index && rules[$0].covers(rule) }) {
                let isHidden = rules[earlier].conditions.isEmpty && !rule.conditions.isEmpty
                findings.append(
                    isHidden
                        ? .hiddenByUnconditional(rule: index, behind: earlier)
                        : .unreachable(rule: index, behind: earlier))
            } else if action(ofRule: index) == defaultAction,
                !sameCall.contains(where: { $0 > index && action(ofRule: $0) != defaultAction })
            {
                findings.append(.sameAsDefault(rule: index))
            }
        }
        return findings
    }

    /// A finding as a sentence, with the lines of the policy's text.
    public func describe(_ finding: Finding) -> String {
        func name(_ index: Int) -> String {
            guard rules.indices.contains(index) else { return "rule \(index)" }
            return "rule \(index)" + (rules[index].line.map { " (line \($0))" } ?? "") + " \"\(rules[index])\""
        }
        return switch finding {
        case .unreachable(let rule, let earlier): "\(name(rule)) is never reached: \(name(earlier)) fits all it fits"
        case .hiddenByUnconditional(let rule, let earlier):
            "\(name(rule)) is never reached: \(name(earlier)) fits any arguments"
        case .neverFits(let rule): "\(name(rule)) never fits: its conditions exclude each other"
        case .valueOutsideMask(let rule, let condition):
            "\(name(rule)): \(condition) has bits that the mask leaves out; they are ignored"
        case .sameAsDefault(let rule): "\(name(rule)) does what the default action does"
        }
    }
}

extension Rule {
    /// Whether each call that fits `other` surely fits this rule. It may say no where a long proof would say yes.
    fileprivate func covers(_ other: Rule) -> Bool {
        conditions.allSatisfy { needed in other.conditions.contains { needed.isImplied(by: $0) } }
    }

    /// Whether two conditions surely cannot both hold.
    fileprivate var excludesItself: Bool {
        for (index, first) in conditions.enumerated() {
            for second in conditions.dropFirst(index + 1) where first.excludes(second) { return true }
            if first.range?.isEmpty == true { return true }
        }
        return false
    }
}

extension Condition {
    /// The values of the argument, in this width, that pass, if they are a range.
    fileprivate var range: Range<UInt128>? {
        let value = UInt128(value)
        let end: UInt128 = width == .dword ? 1 << 32 : 1 << 64
        switch comparison {
        case .equal: return value..<value + 1
        case .less: return 0..<value
        case .lessOrEqual: return 0..<value + 1
        case .greater: return min(value + 1, end)..<end
        case .greaterOrEqual: return value..<end
        case .notEqual, .maskedEqual: return nil
        }
    }

    fileprivate func isImplied(by other: Condition) -> Bool {
        guard argument == other.argument else { return false }
        if self == other { return true }
        if other.comparison == .equal, other.width == .qword || width == .dword { return matches(other.value) }
        guard width == other.width, let range, let inner = other.range else { return false }
        return inner.isEmpty || (range.lowerBound <= inner.lowerBound && inner.upperBound <= range.upperBound)
    }

    fileprivate func excludes(_ other: Condition) -> Bool {
        guard argument == other.argument else { return false }
        for (one, two) in [(self, other), (other, self)]
        where one.comparison == .equal && (one.width == .qword || two.width == .dword) && !two.matches(one.value) {
            return true
        }
        guard width == other.width, let range, let second = other.range else { return false }
        return !range.overlaps(second)
    }
}
