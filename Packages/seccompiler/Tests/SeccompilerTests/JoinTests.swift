// SPDX-License-Identifier: Apache-2.0
import Seccompiler
import SeccompilerTestSupport
import Testing

@Suite struct JoinTests {
    @Test("joined programs do what one filter with all their rules does", arguments: 0..<8)
    func sameMeaning(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) + 900)
        for _ in 0..<6 {
            let whole = try random.filter(on: .x86_64)
            // A rule that does what the default does is passed over by the next program's; see the test below.
            let rules = whole.rules.map { Rule($0.syscall, $0.conditions, action: whole.unlessDefault($0.action)) }
            let cuts = [0, rules.count / 3, rules.count / 2, rules.count]
            let parts = try zip(cuts, cuts.dropFirst()).map { try whole.with(Array(rules[$0..<$1])).compile().program }
            let joined = try BPFProgram(joining: parts, fallback: whole.defaultAction)
            #expect(joined.instructions.count == parts.map(\.instructions.count).reduce(0, +))
            #expect(try whole.with(rules).check(joined) > 500)
        }
    }

    @Test("the kernel takes a joined program and answers as its software run does")
    func kernel() throws {
        let parts = try [["read", "close"], ["getpid"], ["getppid"]].map {
            try allowing($0.map { Rule($0) }).compile().program
        }
        let joined = try BPFProgram(joining: parts, fallback: .trap)
        let calls = (UInt32(0)..<512).filter(KernelProbe.isAsked).map { SystemCall($0, on: .x86_64) }
        let answers = try KernelProbe.actions(for: calls, under: joined)
        let allowed = zip(calls, answers).filter { $0.1 == .allow }.map(\.0.number)
        #expect(allowed == [0, 3, 39, 110])
        #expect(answers == calls.map { joined.run(on: $0).action })
    }

    @Test("a program's own fallback is the next one's to decide; other refusals stand")
    func refusals() throws {
        let first = try allowing([Rule("read", action: .errno(1)), Rule("write", action: .trap)]).compile().program
        let second = try allowing([Rule("read"), Rule("write")]).compile().program
        let joined = try BPFProgram(joining: [first, second], fallback: .trap)
        #expect(joined.run(on: SystemCall(0, on: .x86_64)).action == .errno(1))
        #expect(joined.run(on: SystemCall(1, on: .x86_64)).action == .allow)
    }

    @Test("calls of another architecture and of x32 end the process whichever program would be asked")
    func foreign() throws {
        let parts = try [allowing([Rule("read")]), allowing([Rule("write")])].map { try $0.compile().program }
        let joined = try BPFProgram(joining: parts, fallback: .trap)
        #expect(joined.run(on: SystemCall(1, on: .aarch64)).action == .killProcess)
        #expect(joined.run(on: SystemCall(0x4000_0001, on: .x86_64)).action == .killProcess)
    }

    @Test("no programs make none, and neither do more than 4096 instructions")
    func limits() throws {
        #expect(throws: BPFError.empty) { try BPFProgram(joining: [], fallback: .trap) }
        let part = try allowing([Rule("read")]).compile().program
        let count = 4096 / part.instructions.count + 1
        #expect(throws: BPFError.tooLong(count * part.instructions.count)) {
            try BPFProgram(joining: Array(repeating: part, count: count), fallback: .trap)
        }
    }
}

extension Filter {
    fileprivate func with(_ rules: [Rule]) throws -> Filter {
        try Filter(architecture: architecture, defaultAction: defaultAction, matchAction: matchAction, rules: rules)
    }

    fileprivate func unlessDefault(_ action: Action?) -> Action? { action == defaultAction ? nil : action }
}
