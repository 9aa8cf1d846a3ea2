// SPDX-License-Identifier: Apache-2.0
import Seccompiler
import SeccompilerTestSupport
import Testing

@Suite struct FirstTests {
    @Test("whatever is asked about first, the program does what it did", arguments: 0..<8)
    func sameMeaning(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) + 4000)
        for architecture in Architecture.allCases {
            let filter = try random.filter(on: architecture)
            let numbers = (filter.numbers + [0, 1, 2, 500, 0x4000_0001, .max]).shuffled(using: &random)
            for program in [try filter.compile().program, try filter.compile(backEnd: .own).program] {
                for fallback in [nil, filter.defaultAction] {
                    let sooner = try program.asking(first: numbers, on: architecture, unless: fallback)
                    #expect(try filter.check(sooner) > 500)
                }
            }
        }
    }

    #if arch(x86_64)
        @Test("the kernel does too", arguments: 0..<3)
        func kernel(seed: Int) throws {
            var random = SeededGenerator(seed: UInt64(seed) + 5000)
            let filter = try random.filter(on: .x86_64)
            let calls = filter.boundaryCalls.filter {
                $0.auditValue == Architecture.x86_64.auditValue && KernelProbe.isAsked(about: $0.number)
            }
            let program = try filter.compile().program.asking(first: [0, 1] + filter.numbers, on: .x86_64)
            let answers = try KernelProbe.actions(for: calls, under: program)
            #expect(answers == calls.map { filter.verdict(on: $0).action })
        }
    #endif

    @Test("the first call takes a test, the second two, and a condition nothing but itself, whoever compiled it")
    func cost() throws {
        let run = Rule("ioctl", [try .of(1, .equal, 0xAE80, .dword)])
        let filter = try allowing([run, Rule("futex"), Rule("close"), Rule("epoll_wait")])
        for backEnd in [BackEnd.own, .libseccomp] {
            let program = try filter.compile(backEnd: backEnd).program.asking(first: [16, 232, 202], on: .x86_64)
            func count(_ number: UInt32) -> Int {
                program.run(on: SystemCall(number, [0, 0xAE80], on: .x86_64)).instructionCount
            }
            // Load, test, load before; ret behind, and ioctl's argument.
            #expect(count(16) == 3 + 1 + 3)
            #expect(count(232) == 3 + 2 + 1)
            #expect(count(202) == 3 + 3 + 1)
            #expect(count(3) > 3 + 3 + 3)
        }
    }

    @Test("the lowest numbers are one test if they have one fate, and several if not")
    func lowest() throws {
        let calls = [Rule("read"), Rule("write"), Rule("close")]
        for (rules, write, close) in [
            (calls, 5, 6), ([calls[0], Rule("write", action: .log), calls[2]], 7, 6),
        ] as [([Rule], Int, Int)] {
            let program = try allowing(rules).compile().program.asking(first: [0, 3, 1], on: .x86_64)
            func count(_ number: UInt32) -> Int { program.run(on: SystemCall(number, on: .x86_64)).instructionCount }
            #expect([count(0), count(1), count(3)] == [5, write, close])
        }
    }

    @Test("calls behind the reach of a test are reached by a step, or answered on the spot")
    func far() throws {
        var rules = try (0..<120).map { Rule("futex", [try .of(0, .equal, $0 * 2)]) }
        rules += [
            Rule("ioctl", [try .of(1, .equal, 5)]), Rule("read"), Rule("write"), Rule("close", action: .errno(7)),
        ]
        let filter = try allowing(rules)
        let program = try filter.compile(backEnd: .own).program
        for numbers in [[16, 202, 3, 0, 1], [1, 0, 3, 202, 16]] as [[UInt32]] {
            let sooner = try program.asking(first: numbers, on: .x86_64)
            #expect(try filter.check(sooner) > 1000)
            #expect(sooner.run(on: SystemCall(numbers[0], [0, 5], on: .x86_64)).instructionCount < 12)
        }
    }

    @Test("what would come to the fallback, and calls of another architecture, are not put in front")
    func leftOut() throws {
        let program = try allowing([Rule("read")]).compile().program
        let more = try program.asking(first: [5, 6, 0x4000_0000], on: .x86_64, unless: .trap).instructions.count
        #expect(more == program.instructions.count + 4)
        #expect(try program.asking(first: [5, 6], on: .x86_64, unless: .trap) == program)
        #expect(try program.asking(first: [], on: .x86_64) == program)
        #expect(try program.asking(first: [0], on: .aarch64, unless: .killProcess) == program)
    }

    @Test("a program that computes from the number is left as it is")
    func computing() throws {
        let program = try BPFProgram([
            Instruction(code: 0x20, operand: 0), Instruction(code: 0x04, operand: 1),
            Instruction(code: 0x15, ifTrue: 0, ifFalse: 1, operand: 1), Instruction(code: 0x06, operand: 0x7FFF_0000),
            Instruction(code: 0x06, operand: 0),
        ])
        #expect(try program.asking(first: [0], on: .x86_64) == program)
    }

    @Test("at most 64 calls are put in front, and a program of 4096 instructions has no room for one")
    func limits() throws {
        let program = try allowing((0..<100).compactMap { Architecture.x86_64.syscallName($0) }.map { Rule($0) })
            .compile(backEnd: .own).program
        let numbers = (UInt32(0)..<100).map { 99 - $0 } + [101]
        let count = program.instructions.count
        #expect(try program.asking(first: numbers, on: .x86_64).instructions.count == count + 3 + 64)
        let filler = [Instruction](repeating: Instruction(code: 0x20, operand: 4), count: 4096 - count)
        let longest = try BPFProgram(filler + program.instructions)
        #expect(throws: BPFError.tooLong(4096 + 5)) { try longest.asking(first: [3], on: .x86_64) }
    }
}
