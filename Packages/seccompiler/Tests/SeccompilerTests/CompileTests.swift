// SPDX-License-Identifier: Apache-2.0
import Seccompiler
import SeccompilerTestSupport
import VMMSysUtil
import Testing

@Suite struct CompileTests {
    @Test("any filter compiles to a program that does what the filter says", arguments: 0..<6)
    func random(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) + 1)
        for _ in 0..<5 {
            for architecture in Architecture.allCases {
                let filter = try random.filter(on: architecture)
                _ = try filter.compile()
                let own = try filter.compile(backEnd: .own)
                let histogram = Dictionary(
                    filter.numbers.map { ($0, random.next() % 1000) }, uniquingKeysWith: { $0 &+ $1 })
                let weighted = try filter.compile(histogram: histogram)
                for _ in 0..<100 {
                    let number = filter.numbers.randomElement(using: &random) ?? 3
                    let call = SystemCall(number, (0..<6).map { _ in random.value() }, on: architecture)
                    let expected = filter.verdict(on: call).action
                    #expect(own.program.run(on: call).action == expected)
                    #expect(weighted.program.run(on: call).action == expected)
                }
            }
        }
    }

    @Test("libseccomp compiles what it can express, to the same meaning", arguments: 0..<6)
    func libseccomp(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) + 100)
        for _ in 0..<3 {
            for architecture in Architecture.allCases {
                var rules: [Rule] = []
                for name in ["read", "write", "ioctl", "futex", "mmap", "openat", "statx"] {
                    switch random.next() % 4 {
                    case 0: rules.append(Rule(name))
                    case 1:
                        let conditions = (0..<6).compactMap { argument -> Condition? in
                            let other = random.condition(dword: false)
                            guard random.next() & 1 == 0 else { return nil }
                            return Condition(argument: argument, comparison: other.comparison, value: other.value)
                        }
                        rules.append(Rule(name, conditions))
                    case 2:
                        for _ in 0..<Int(random.next() % 9) {
                            let width: ArgumentWidth = random.next() & 1 == 0 ? .dword : .qword
                            let value = random.value() & 0xFFFF_FFFF
                            rules.append(Rule(name, [try .of(1, .equal, value, width)]))
                        }
                    default:
                        for _ in 0..<Int(random.next() % 9) {
                            let conditions = try [1, 3, 4].compactMap { argument -> Condition? in
                                let value = [0, 1, 0x1_0000_0001, 0xFFFF_FFFF][Int(random.next() % 4)] as UInt64
                                return random.next() & 1 == 0 ? nil : try .of(argument, .equal, value)
                            }
                            rules.append(Rule(name, conditions))
                        }
                    }
                }
                let filter = try allowing(rules, on: architecture)
                let compiled = try filter.compile()
                #expect(compiled.backEnd == .libseccomp, "\(compiled.reason.map(\.description) ?? "")")
            }
        }
    }

    @Test("what libseccomp cannot express is compiled by the own back end, which says why")
    func reasons() throws {
        let low = try Condition.of(0, .greaterOrEqual, 3)
        let rows: [(Filter, BackEndReason)] = [
            (try allowing([Rule("read", [low, try .of(0, .less, 9)])]), .twoComparisons(0)),
            (try allowing([Rule("read"), Rule("write", [try .of(0, .less, 9, .dword)])]), .dwordComparison(1)),
            (try allowing([Rule("read", action: .trap)]), .ruleWithDefaultAction(0)),
            (try allowing([Rule("read"), Rule("read", [low], action: .log)]), .conflictingActions(1)),
            (try allowing([Rule("mseal")]), .unknownToLibseccomp(0)),
            (try allowing([Rule("read", [low]), Rule("read", [try .of(1, .notEqual, 0)])]), .severalRules(1)),
            (try allowing([Rule("read")], else: .notify), .defaultIsNotify),
        ]
        for (filter, reason) in rows {
            let compiled = try filter.compile()
            #expect(compiled.backEnd == .own)
            #expect(compiled.reason == reason)
            #expect(throws: CompileError.notForLibseccomp(reason)) { try filter.compile(backEnd: .libseccomp) }
        }
        #expect(try allowing([Rule("read")]).compile(histogram: [0: 1]).backEnd == .libseccomp)
        #expect(try allowing([Rule("read")]).compile().backEnd == .libseccomp)
    }

    @Test("an unconditional rule counts, wherever a conditional one stands", arguments: [BackEnd.own, .libseccomp])
    func unconditional(backEnd: BackEnd) throws {
        let conditional = Rule("ioctl", [try .of(1, .equal, 1)])
        for rules in [[conditional, Rule("ioctl")], [Rule("ioctl"), conditional]] {
            let program = try allowing(rules).compile(backEnd: backEnd).program
            #expect(program.run(on: SystemCall(16, [0, 2], on: .x86_64)).action == .allow)
        }
    }

    @Test("a program of exactly 4096 instructions is made, one of 4097 is not")
    func limit() throws {
        // Conditions that no other rule shares: two instructions each, and a step where a jump does not reach.
        let names = ["read", "write", "ioctl"]
        func filter(_ count: Int) throws -> Filter {
            try allowing(
                (0..<count).map { Rule(names[$0 % 3], [try .of($0 % 2 + 1, .greater, UInt64($0) * 2, .dword)]) })
        }
        #expect(throws: CompileError.program(.tooLong(4097))) { try filter(3000).compile(backEnd: .own) }
        let program = try filter(300).compile(backEnd: .own).program
        #expect(program.instructions.count > 600)
        let filler = [Instruction](repeating: Instruction(code: 0x20, operand: 4), count: 4096)
        let longest = try BPFProgram(filler.dropFirst(program.instructions.count) + program.instructions)
        #expect(longest.instructions.count == 4096)
        #expect(KernelProbe.refusal(of: longest.instructions) == nil)
        #expect(throws: BPFError.tooLong(4097)) { try BPFProgram(filler.prefix(1) + longest.instructions) }
        #expect(KernelProbe.refusal(of: filler.prefix(1) + longest.instructions) == .invalidArgument)
    }

    @Test("the tests of a call's rules share one load, and hot calls come before the tree")
    func listing() throws {
        let filter = try allowing([
            Rule("read"), Rule("ioctl", [try .of(1, .equal, 0xAE80, .dword)]),
            Rule("ioctl", [try .of(1, .equal, 0x5413, .dword)]),
        ])
        #expect(
            try filter.compile(backEnd: .own).program.disassembly == """
                0000: ld   [4]                        ; arch
                0001: jeq  0xc000003e, 2, 12          ; x86_64
                0002: ld   [0]                        ; number
                0003: jge  0x11, 10, 4
                0004: jge  0x1, 5, 9
                0005: jge  0x10, 6, 13
                0006: ld   [24]                       ; arg1, low
                0007: jeq  0xae80, 9, 8
                0008: jeq  0x5413, 9, 13
                0009: ret  0x7fff0000                 ; allow
                0010: jge  0x40000000, 11, 13
                0011: jge  0xffffffff, 13, 12
                0012: ret  0x80000000                 ; kill_process
                0013: ret  0x30000                    ; trap

                """)
        let weighted = try filter.compile(histogram: [16: 1000, 0: 1]).program
        // arch, number, ioctl, its argument: nothing before the hot call but what must be.
        #expect(weighted.run(on: SystemCall(16, [0, 0xAE80], on: .x86_64)).instructionCount == 7)
    }

    @Test("a histogram's mean is never above a chain in its order, and at most half of a chain in number order")
    func means() throws {
        let numbers: [UInt32] = (0..<50).map { $0 * 6 + 1 }
        let rules = numbers.compactMap { Architecture.x86_64.syscallName($0) }.map { Rule($0) }
        let filter = try allowing(rules)
        for base in [1, 1.2, 2, 5] as [Double] {
            var histogram: [UInt32: UInt64] = [:]
            var weight = 1e9
            for (index, number) in filter.numbers.enumerated() {
                histogram[filter.numbers[(index * 17) % filter.numbers.count]] = UInt64(weight) + 1
                weight /= base
                _ = number
            }
            let program = try filter.compile(histogram: histogram).program
            func mean(_ cost: (UInt32) -> Int) -> Double {
                let total = histogram.values.reduce(0.0) { $0 + Double($1) }
                return histogram.reduce(0.0) { $0 + Double(cost($1.key)) * Double($1.value) } / total
            }
            let found = mean { program.run(on: SystemCall($0, on: .x86_64)).instructionCount }
            // Before a chain: load, test and load; behind it: ret.
            let byFrequency = histogram.sorted { $0.value > $1.value }.map(\.key)
            let frequencyChain = mean { number in 4 + (byFrequency.firstIndex(of: number) ?? 0) + 1 }
            let numberChain = mean { number in 4 + (filter.numbers.firstIndex(of: number) ?? 0) + 1 }
            #expect(found <= frequencyChain + 1e-9, "\(base)")
            // With nearly all calls of one kind no tree can be half of a chain that begins with it.
            if base < 2 { #expect(found <= numberChain / 2 + 1e-9, "\(base)") }
        }
    }
}
