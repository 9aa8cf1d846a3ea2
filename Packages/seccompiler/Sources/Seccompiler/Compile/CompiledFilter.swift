// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil

/// A filter's program, checked against the filter, and how it came about.
public struct CompiledFilter: Equatable, Sendable {
    /// What to install.
    public let program: BPFProgram
    /// Who compiled it.
    public let backEnd: BackEnd
    /// Why it was not libseccomp, if it was not.
    public let reason: BackEndReason?
    /// On how many calls the program was compared with the filter.
    public let checkedCallCount: Int
}

/// Who compiles a filter.
public enum BackEnd: String, Hashable, Sendable {
    /// The C library. Its tree is well tried; it cannot express everything, see ``BackEndReason``.
    case libseccomp
    /// The package's own, which can.
    case own
}

/// Why a filter is not left to libseccomp. Numbers are indices of rules.
public enum BackEndReason: Error, Equatable, Sendable, CustomStringConvertible {
    /// The caller wanted it so.
    case requested
    /// It takes no `user_notif` as the default action.
    case defaultIsNotify
    /// It refuses a rule that does what the default does.
    case ruleWithDefaultAction(Int)
    /// It has no order of rules, so two actions for one call contradict each other.
    case conflictingActions(Int)
    /// It does not know the call.
    case unknownToLibseccomp(Int)
    /// It takes one comparison of an argument in a rule.
    case twoComparisons(Int)
    /// It compares 64 bits only.
    case dwordComparison(Int)
    /// It combines this rule and an earlier one for the same call wrongly, or not at all, unless they have nothing but
    /// equalities.
    case severalRules(Int)
    /// It answered with this error number.
    case refused(Errno)
    /// What it wrote is no program, too long for one maybe.
    case notAProgram(BPFError)

    public var description: String {
        switch self {
        case .requested: "as requested"
        case .defaultIsNotify: "the default action is user_notif"
        case .ruleWithDefaultAction(let index): "rule \(index) does what the default does"
        case .conflictingActions(let index): "rule \(index) has another action than an earlier one for the same call"
        case .unknownToLibseccomp(let index): "rule \(index) names a call that libseccomp does not know"
        case .twoComparisons(let index): "rule \(index) compares one argument twice"
        case .dwordComparison(let index): "rule \(index) has a dword comparison other than equality"
        case .severalRules(let index): "rule \(index) and an earlier one for its call are more than equalities"
        case .refused(let error): "libseccomp refused it: \(error)"
        case .notAProgram(let error): "libseccomp wrote no program: \(error)"
        }
    }
}

/// Why a filter has no program.
public enum CompileError: Error, Equatable, CustomStringConvertible {
    /// libseccomp was asked for and cannot do it.
    case notForLibseccomp(BackEndReason)
    /// What came out is no program.
    case program(BPFError)
    /// The program does something else than the filter: a bug of the back end. Nothing is exported.
    case mismatch(call: SystemCall, filter: Action, program: Action, backEnd: BackEnd)

    public var description: String {
        switch self {
        case .notForLibseccomp(let reason): "libseccomp cannot compile it: \(reason)"
        case .program(let error): "no program: \(error)"
        case .mismatch(let call, let filter, let program, let backEnd):
            "\(backEnd.rawValue) compiled \(call) to \(program) where the filter says \(filter)"
        }
    }
}

extension Filter {
    /// A program that does what the filter says.
    ///
    /// - Parameters:
    ///   - backEnd: who compiles; nil takes libseccomp where it can.
    ///   - histogram: how often each call was made under load. As many of the most frequent ones are then asked about
    ///     first as make the mean of instructions least, see `BPFProgram.asking(first:on:unless:)`; without it, each
    ///     call takes about as many.
    public func compile(
        backEnd: BackEnd? = nil, histogram: [UInt32: UInt64] = [:]
    ) throws(CompileError) -> CompiledFilter {
        let reason: BackEndReason
        switch throughLibseccomp(backEnd) {
        case .success(let program): return try checked(sooner(program, histogram), .libseccomp, nil)
        case .failure(let obstacle): reason = obstacle
        }
        if backEnd == .libseccomp { throw .notForLibseccomp(reason) }
        let program: BPFProgram
        do throws(BPFError) {
            program = try OwnBackEnd.compile(self)
        } catch {
            throw .program(error)
        }
        return try checked(sooner(program, histogram), .own, reason)
    }

    /// The program with the calls of a histogram in front, as many as are worth it.
    private func sooner(_ program: BPFProgram, _ histogram: [UInt32: UInt64]) -> BPFProgram {
        let listed = Set(numbers)
        let hottest = histogram.filter { listed.contains($0.key) }
            .sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map(\.key)
        func cost(_ program: BPFProgram) -> Double {
            hottest.reduce(0) { sum, number in
                let count = program.run(on: SystemCall(number, on: architecture)).instructionCount
                return sum + Double(histogram[number] ?? 0) * Double(count)
            }
        }
        var best = (program: program, cost: cost(program))
        for count in stride(from: 1, through: min(hottest.count, BPFProgram.firstCountMax), by: 1) {
            // Where there is no room for more, what there is stays.
            guard let next = try? program.asking(first: Array(hottest.prefix(count)), on: architecture) else { break }
            let nextCost = cost(next)
            if nextCost < best.cost { best = (next, nextCost) }
        }
        return best.program
    }

    private func throughLibseccomp(_ backEnd: BackEnd?) -> Result<BPFProgram, BackEndReason> {
        if backEnd == .own { return .failure(.requested) }
        if let reason = LibseccompBackEnd.obstacle(self) { return .failure(reason) }
        switch LibseccompBackEnd.compile(self) {
        case .failure(let error): return .failure(.refused(error))
        case .success(let bytes):
            do throws(BPFError) {
                return .success(try BPFProgram(exported: bytes))
            } catch {
                return .failure(.notAProgram(error))
            }
        }
    }

    private func checked(
        _ program: BPFProgram, _ backEnd: BackEnd, _ reason: BackEndReason?
    ) throws(CompileError) -> CompiledFilter {
        CompiledFilter(
            program: program, backEnd: backEnd, reason: reason,
            checkedCallCount: try check(program, from: backEnd))
    }
}
