// SPDX-License-Identifier: Apache-2.0
internal import CSeccomp
internal import Glibc
internal import Synchronization
internal import VMMSysUtil

/// The back end that lets libseccomp compile, for filters whose meaning it keeps.
enum LibseccompBackEnd {
    /// libseccomp keeps what it learnt of the kernel in variables without locks.
    private static let lock = Mutex(())

    /// Why libseccomp would not compile this filter to what it means, or nil. All of it was seen in 2.5.4.
    static func obstacle(_ filter: Filter) -> BackEndReason? {
        // SECCOMP_RET_USER_NOTIF as the default makes seccomp_init fail.
        if filter.defaultAction == .notify { return .defaultIsNotify }
        var actions: [UInt32: Action] = [:]
        for (index, rule) in filter.rules.enumerated() {
            let action = rule.action ?? filter.matchAction
            // seccomp_rule_add answers EACCES.
            if action == filter.defaultAction { return .ruleWithDefaultAction(index) }
            // Which of two wins depends on their shape, and a conditional one behind an unconditional one vanishes.
            guard actions.updateValue(action, forKey: filter.numbers[index]) ?? action == action else {
                return .conflictingActions(index)
            }
            if libseccompNumber(rule.syscall, filter.architecture) == nil { return .unknownToLibseccomp(index) }
            // Two comparisons of one argument are EINVAL.
            if Set(rule.conditions.map(\.argument)).count < rule.conditions.count { return .twoComparisons(index) }
            for condition in rule.conditions where comparison(condition) == nil { return .dwordComparison(index) }
        }
        return tangled(filter)
    }

    /// The first rule that libseccomp 2.5.4 may not combine rightly with an earlier one for its call, or nil. Two orderings
    /// of one argument (`< 1`, `< 0xfffffffffffffffc`) give wrong programs; two rules with `!=` and `>=` for two
    /// arguments each keep seccomp_rule_add_exact busy for ever. What held for all values that were tried: a call's only
    /// conditional rule of any kind, and any number of rules with nothing but equalities.
    private static func tangled(_ filter: Filter) -> BackEndReason? {
        var first: [UInt32: Rule] = [:]
        for (index, rule) in deciding(filter) where !rule.conditions.isEmpty {
            guard let earlier = first[filter.numbers[index]] else {
                first[filter.numbers[index]] = rule
                continue
            }
            guard (earlier.conditions + rule.conditions).allSatisfy({ $0.comparison == .equal }) else {
                return .severalRules(index)
            }
        }
        return nil
    }

    /// The rules without those for a call that has an unconditional one: its action is the same.
    private static func deciding(_ filter: Filter) -> [(index: Int, rule: Rule)] {
        let unconditional = Set(
            filter.rules.indices.filter { filter.rules[$0].conditions.isEmpty }.map { filter.numbers[$0] })
        return filter.rules.enumerated().filter {
            $0.element.conditions.isEmpty || !unconditional.contains(filter.numbers[$0.offset])
        }.map { (index: $0.offset, rule: $0.element) }
    }

    /// The program's bytes, or libseccomp's error number.
    static func compile(_ filter: Filter) -> Result<[UInt8], Errno> {
        lock.withLock { _ in
            guard let context = seccomp_init(filter.defaultAction.returnValue) else {
                return .failure(.invalidArgument)
            }
            defer { seccomp_release(context) }
            do throws(Errno) {
                try configure(context, filter)
                for (index, rule) in deciding(filter) {
                    try add(rule, filter.action(ofRule: index) ?? filter.matchAction, to: context, filter.architecture)
                }
                return .success(try export(context))
            } catch {
                return .failure(error)
            }
        }
    }

    private static func configure(_ context: scmp_filter_ctx, _ filter: Filter) throws(Errno) {
        if seccomp_arch_native() != filter.architecture.auditValue {
            try check(seccomp_arch_remove(context, seccomp_arch_native()))
            try check(seccomp_arch_add(context, filter.architecture.auditValue))
        }
        try check(seccomp_attr_set(context, SCMP_FLTATR_ACT_BADARCH, Filter.foreignAction.returnValue))
        // 2: a balanced tree over the numbers.
        try check(seccomp_attr_set(context, SCMP_FLTATR_CTL_OPTIMIZE, 2))
    }

    private static func add(
        _ rule: Rule, _ action: Action, to context: scmp_filter_ctx, _ architecture: Architecture
    ) throws(Errno) {
        guard let number = libseccompNumber(rule.syscall, architecture) else { throw .invalidArgument }
        let comparisons = rule.conditions.compactMap(comparison)
        try check(
            seccomp_rule_add_exact_array(
                context, action.returnValue, number, UInt32(truncatingIfNeeded: comparisons.count), comparisons))
    }

    /// The number that stands for the call in libseccomp's interface, which is always the native architecture's, or a
    /// negative one for calls that this lacks.
    private static func libseccompNumber(_ name: String, _ architecture: Architecture) -> Int32? {
        guard seccomp_syscall_resolve_name_arch(architecture.auditValue, name) >= 0 else { return nil }
        let number = seccomp_syscall_resolve_name(name)
        return number == -1 ? nil : number
    }

    /// The same comparison in libseccomp's terms, which are all 64 bits wide, or nil.
    private static func comparison(_ condition: Condition) -> scmp_arg_cmp? {
        func make(_ operation: scmp_compare, _ first: UInt64, _ second: UInt64 = 0) -> scmp_arg_cmp {
            scmp_arg_cmp(
                arg: UInt32(truncatingIfNeeded: condition.argument), op: operation, datum_a: first, datum_b: second)
        }
        if case .maskedEqual(let mask) = condition.comparison {
            return make(SCMP_CMP_MASKED_EQ, mask, condition.value & mask)
        }
        if condition.width == .dword {
            return condition.comparison == .equal ? make(SCMP_CMP_MASKED_EQ, 0xFFFF_FFFF, condition.value) : nil
        }
        return switch condition.comparison {
        case .equal: make(SCMP_CMP_EQ, condition.value)
        case .notEqual: make(SCMP_CMP_NE, condition.value)
        case .less: make(SCMP_CMP_LT, condition.value)
        case .lessOrEqual: make(SCMP_CMP_LE, condition.value)
        case .greater: make(SCMP_CMP_GT, condition.value)
        case .greaterOrEqual: make(SCMP_CMP_GE, condition.value)
        case .maskedEqual: nil
        }
    }

    /// 2.5 exports to a descriptor only.
    private static func export(_ context: scmp_filter_ctx) throws(Errno) -> [UInt8] {
        let file = try MemFD(name: "seccomp-filter", byteCount: 0)
        try check(seccomp_export_bpf(context, file.descriptor.rawValue))
        guard let count = Int(exactly: try file.descriptor.byteCount()) else { throw .fileTooLarge }
        var bytes = [UInt8](repeating: 0, count: count)
        let read = pread(file.descriptor.rawValue, &bytes, count, 0)
        guard read == count else { throw read < 0 ? .last : .inputOutput }
        return bytes
    }

    private static func check(_ answer: Int32) throws(Errno) {
        guard answer == 0 else { throw Errno(rawValue: answer == Int32.min ? EINVAL : abs(answer)) }
    }
}
