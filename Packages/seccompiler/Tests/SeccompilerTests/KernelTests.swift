// SPDX-License-Identifier: Apache-2.0
import Seccompiler
import SeccompilerTestSupport
import Testing
import VMMSysUtil

/// The evaluator and the programs against the running kernel.
@Suite(.enabled(if: Architecture.native != nil, "needs one of the three architectures"))
struct KernelTests {
    private let native = Architecture.native ?? .x86_64

    private func filter(_ rules: [Rule], default action: Action = .errno(1)) throws -> Filter {
        try Filter(architecture: native, defaultAction: action, matchAction: .allow, rules: rules)
    }

    private static let comparisons: [Comparison] = [
        .equal, .notEqual, .less, .lessOrEqual, .greater, .greaterOrEqual, .maskedEqual(mask: 0xFF),
        .maskedEqual(mask: 0xF0F0_F0F0), .maskedEqual(mask: 0),
    ]

    @Test("each operator in each width decides in the kernel as in the evaluator", arguments: comparisons)
    func operators(comparison: Comparison) throws {
        var values: [UInt64] = [0, 1, 0x10, 0xFF, 0x8000_0000, 0xFFFF_FFFF, 0x1_0000_0000, 0x1234_5678_9ABC_DEF0]
        values += [1 << 63, .max, 0x1_0000_0010, 0x10_0000_0000]
        for width in [ArgumentWidth.dword, .qword] {
            let limits: [UInt64] =
                [0, 0x10, 0xFFFF_FFFF, 0x8000_0001] + (width == .qword ? [0x1_0000_0010, .max] : [])
            for limit in limits {
                // futex has six arguments and a number on each architecture; it is never made.
                for argument in [0, 3, 5] {
                    let condition = try Condition.of(argument, comparison, limit, width)
                    let filter = try filter([Rule("futex", [condition])])
                    let number = try #require(native.syscallNumber("futex"))
                    let calls = values.map { value in
                        var arguments = [UInt64](repeating: 7, count: 6)
                        arguments[argument] = value
                        return SystemCall(number, arguments, on: native)
                    }
                    let expected = calls.map { filter.verdict(on: $0).action }
                    let program = try filter.compile(backEnd: .own).program
                    #expect(try KernelProbe.actions(for: calls, under: program) == expected, "\(condition)")
                    #expect(calls.map { program.run(on: $0).action } == expected)
                }
            }
        }
    }

    @Test("each action does in the kernel what it says")
    func actions() throws {
        let getppid = try #require(native.syscallNumber("getppid"))
        let calls = [SystemCall(getppid, on: native)]
        func answer(_ action: Action) throws -> KernelProbe.Answer {
            let filter = try Filter(
                architecture: native, defaultAction: action == .allow ? .log : .allow, matchAction: action,
                rules: [Rule("getppid")])
            return try #require(KernelProbe.answers(to: calls, under: filter.compile().program).first)
        }
        for action in [Action.allow, .log] {
            guard case .returned(let parent) = try answer(action) else {
                Issue.record("\(action) did not let it pass")
                continue
            }
            #expect(parent > 0)
        }
        #expect(try answer(.errno(1)) == .failed(.notPermitted))
        #expect(try answer(.errno(4095)) == .failed(Errno(rawValue: 4095)))
        #expect(try answer(.errno(0)) == .returned(0))
        #expect(try answer(.trap) == .trapped(number: Int32(getppid)))
        #expect(try answer(.trace(3)) == .failed(.noSuchSystemCall))
        #expect(try answer(.notify) == .failed(.noSuchSystemCall))
        #expect(try answer(.killThread) == .died(signal: 31))
        #expect(try answer(.killProcess) == .died(signal: 31))
        for action in [Action.allow, .log, .errno(1), .trap, .trace(3), .notify, .killThread, .killProcess] {
            #expect(action.isAvailable, "\(action)")
        }
    }

    @Test("an answer that is no action ends the process, and an error over 4095 is cut")
    func unknownAnswers() throws {
        let getppid = SystemCall(try #require(native.syscallNumber("getppid")), on: native)
        for (value, expected) in [
            (0x0005_FFFF, .failed(Errno(rawValue: 4095))), (0x1234_0000, .died(signal: 31)),
            (0x7FFE_0001, .died(signal: 31)),
        ] as [(UInt32, KernelProbe.Answer)] {
            let program = try BPFProgram([Instruction(code: 0x06, operand: value)])
            #expect(try KernelProbe.answers(to: [getppid], under: program) == [expected])
        }
        #expect(Action(returnValue: 0x0005_FFFF) == .errno(4095))
        #expect(Action(returnValue: 0x7FFE_0001) == .killProcess)
    }

    @Test("each rule of each boundary call decides in the kernel as in the evaluator", arguments: 0..<8)
    func random(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) + 500)
        let filter = try random.filter(on: native)
        let calls = filter.boundaryCalls.filter { $0.auditValue == native.auditValue && $0.number < 0x4000_0000 }
            .filter { KernelProbe.isAsked(about: $0.number) }
        let compiled = try filter.compile()
        #expect(
            try KernelProbe.actions(for: calls, under: compiled.program) == calls.map { filter.verdict(on: $0).action })
        let histogram = Dictionary(filter.numbers.map { ($0, random.next() % 99) }, uniquingKeysWith: max)
        let weighted = try filter.compile(histogram: histogram)
        #expect(
            try KernelProbe.actions(for: calls, under: weighted.program) == calls.map { filter.verdict(on: $0).action })
    }

    #if arch(x86_64)
        @Test("x32 numbers and 32-bit calls end the process, all ones are a call like others")
        func foreign() throws {
            for backEnd in [BackEnd.own, .libseccomp] {
                // A list of what is forbidden: without the check of the number, x32 would go around it.
                let filter = try Filter(
                    architecture: .x86_64, defaultAction: .allow, matchAction: .errno(1), rules: [Rule("getppid")])
                let program = try filter.compile(backEnd: backEnd).program
                for number in [UInt32(0x4000_0000 | 110), 0x4000_0000, 0x7FFF_FFFF, 0x8000_0000, 0xFFFF_FFFE] {
                    let call = SystemCall(number, on: .x86_64)
                    #expect(filter.verdict(on: call).reason == .x32)
                    #expect(try KernelProbe.answers(to: [call], under: program) == [.died(signal: 31)], "\(call)")
                }
                let skipped = SystemCall(.max, on: .x86_64)
                #expect(filter.verdict(on: skipped).action == .allow)
                #expect(try KernelProbe.answers(to: [skipped], under: program) == [.failed(.noSuchSystemCall)])
                let i386 = SystemCall(20, auditValue: 0x4000_0003)
                #expect(filter.verdict(on: i386).reason == .foreignArchitecture)
                guard case .died = try #require(KernelProbe.answers(to: [i386], under: program).first) else {
                    Issue.record("a 32-bit call came through")
                    continue
                }
            }
        }
    #endif
}
