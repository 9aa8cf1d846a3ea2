// SPDX-License-Identifier: Apache-2.0

/// Rules for one thread or process: the first rule that fits a call decides, and if none fits the default action does.
///
/// Before any rule, a call by another architecture's convention or with an x32 number ends the process: the numbers
/// in the rules mean other calls there.
public struct Filter: Hashable, Sendable {
    /// Whose system calls the rules name.
    public let architecture: Architecture
    /// What happens to a call that no rule fits (`default_action`, `mismatch_action`).
    public let defaultAction: Action
    /// What happens to a call that a rule without an action of its own fits (`filter_action`, `match_action`).
    public let matchAction: Action
    /// The rules, most important first.
    public let rules: [Rule]
    /// The number of each rule's system call.
    public let numbers: [UInt32]

    /// What becomes of calls of a foreign architecture and of x32.
    public static let foreignAction = Action.killProcess

    /// A filter, once all names are found in the architecture's table and all actions can be told apart.
    public init(
        architecture: Architecture, defaultAction: Action, matchAction: Action, rules: [Rule]
    ) throws(FilterError) {
        guard defaultAction != matchAction else { throw .sameActions(matchAction) }
        for action in [defaultAction, matchAction] + rules.compactMap(\.action) {
            if case .errno(let number) = action, number > Action.errnoMax { throw .errnoTooLarge(number) }
        }
        var numbers: [UInt32] = []
        for rule in rules {
            guard let number = architecture.syscallNumber(rule.syscall) else {
                throw .unknownSyscall(rule.syscall, architecture)
            }
            numbers.append(number)
        }
        self.architecture = architecture
        self.defaultAction = defaultAction
        self.matchAction = matchAction
        self.rules = rules
        self.numbers = numbers
    }

    /// This filter with more rules after its own.
    public func adding(_ more: [Rule]) throws(FilterError) -> Filter {
        try Filter(
            architecture: architecture, defaultAction: defaultAction, matchAction: matchAction, rules: rules + more)
    }

    /// This filter with the rules' system calls alone: no conditions, no actions of rules.
    public func withoutConditions() throws(FilterError) -> Filter {
        try Filter(
            architecture: architecture, defaultAction: defaultAction, matchAction: matchAction,
            rules: rules.map { Rule($0.syscall, line: $0.line) })
    }

    /// What the rule at this index does, or nil without such a rule.
    public func action(ofRule index: Int) -> Action? {
        rules.indices.contains(index) ? rules[index].action ?? matchAction : nil
    }
}

/// One system call, and what its arguments must be like for the rule to fit.
public struct Rule: Hashable, Sendable {
    /// The call's name.
    public let syscall: String
    /// All must hold; none means that the rule fits any arguments.
    public let conditions: [Condition]
    /// What happens to the call, if not the filter's `matchAction`.
    public let action: Action?
    /// Where the rule stands in the policy's text, counted from 1.
    public let line: Int?

    /// A rule for `syscall`.
    public init(_ syscall: String, _ conditions: [Condition] = [], action: Action? = nil, line: Int? = nil) {
        self.syscall = syscall
        self.conditions = conditions
        self.action = action
        self.line = line
    }
}

extension Rule: CustomStringConvertible {
    /// Such as `ioctl if arg1 dword == 0xae80`.
    public var description: String {
        guard !conditions.isEmpty else { return syscall }
        return syscall + " if " + conditions.map(\.description).joined(separator: " and ")
    }
}

/// Why rules do not make a filter.
public enum FilterError: Error, Equatable, CustomStringConvertible {
    /// The architecture has no system call of this name.
    case unknownSyscall(String, Architecture)
    /// Default and match action are the same: the filter would not decide anything.
    case sameActions(Action)
    /// The kernel would cut this number to `Action.errnoMax`.
    case errnoTooLarge(UInt16)

    public var description: String {
        switch self {
        case .unknownSyscall(let name, let architecture): "\(architecture.rawValue) has no system call \"\(name)\""
        case .sameActions(let action): "default and match action are both \(action)"
        case .errnoTooLarge(let number): "errno \(number) is over \(Action.errnoMax)"
        }
    }
}
