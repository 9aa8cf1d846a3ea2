// SPDX-License-Identifier: Apache-2.0

/// What a filter does with one call, and why.
public struct Verdict: Hashable, Sendable {
    /// What decided.
    public enum Reason: Hashable, Sendable {
        /// The call was made by another architecture's convention.
        case foreignArchitecture
        /// The number is one of x32's.
        case x32
        /// The rule at this index of ``Filter/rules``.
        case rule(Int)
        /// No rule fits.
        case noRule
    }

    /// What the kernel does.
    public let action: Action
    /// Why.
    public let reason: Reason
}

extension Filter {
    /// Which rule decides this call. This is what "correct" means for a compiled program, and it is written to be
    /// obvious, not fast.
    public func verdict(on call: SystemCall) -> Verdict {
        if call.auditValue != architecture.auditValue {
            return Verdict(action: Self.foreignAction, reason: .foreignArchitecture)
        }
        if call.isX32 { return Verdict(action: Self.foreignAction, reason: .x32) }
        for (index, rule) in rules.enumerated()
        where numbers[index] == call.number && rule.conditions.allSatisfy({ $0.matches(call.arguments[$0.argument]) }) {
            return Verdict(action: rule.action ?? matchAction, reason: .rule(index))
        }
        return Verdict(action: defaultAction, reason: .noRule)
    }
}
