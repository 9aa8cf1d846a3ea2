// SPDX-License-Identifier: Apache-2.0
import Seccompiler
import Testing

/// The comparison that each program must pass before it is handed out, put to the test with programs that are wrong.
@Suite struct SelfCheckTests {
    private func filter(on architecture: Architecture) throws -> Filter {
        try allowing(
            [
                Rule("read"), Rule("write"), Rule("exit_group"),
                Rule("futex", [try .of(1, .maskedEqual(mask: 0x7F), 9)]),
                Rule("futex", [try .of(1, .equal, 0x81, .dword)]), Rule("ioctl", [try .of(1, .equal, 0xAE80)]),
                Rule("mmap", [try .of(2, .maskedEqual(mask: 4), 0), try .of(1, .lessOrEqual, 1 << 33)]),
                Rule("close", [try .of(0, .greater, 2, .dword)], action: .log),
                Rule("openat", [try .of(2, .notEqual, 0x80000)], action: .errno(13)),
                Rule("lseek", [try .of(2, .less, 3, .dword), try .of(1, .greaterOrEqual, 0x1_0000_0001)]),
            ], on: architecture)
    }

    /// Programs that differ in one instruction: a test turned round, its operand moved, a mask with one bit more or less,
    /// another word loaded, another answer.
    private func faults(of program: BPFProgram) -> [(index: Int, program: BPFProgram)] {
        var faults: [(Int, BPFProgram)] = []
        for (index, instruction) in program.instructions.enumerated() {
            var others: [Instruction] = []
            func other(_ operand: UInt32, swapped: Bool = false) {
                others.append(
                    Instruction(
                        code: instruction.code, ifTrue: swapped ? instruction.ifFalse : instruction.ifTrue,
                        ifFalse: swapped ? instruction.ifTrue : instruction.ifFalse, operand: operand))
            }
            switch instruction.code & 7 {
            case 5 where instruction.code != 5:
                other(instruction.operand, swapped: true)
                other(instruction.operand &+ 1)
                other(instruction.operand &- 1)
            case 4: for bit in [0, 7, 31] as [UInt32] { other(instruction.operand ^ 1 << bit) }
            case 0: other(instruction.operand ^ 4)
            case 6: other(instruction.operand == 0 ? 0x7FFF_0000 : 0)
            default: continue
            }
            for instruction in others {
                var instructions = Array(program.instructions)
                instructions[index] = instruction
                if let wrong = try? BPFProgram(instructions) { faults.append((index, wrong)) }
            }
        }
        return faults
    }

    @Test("a program with one instruction changed is not handed out", arguments: Architecture.allCases)
    func everyFault(architecture: Architecture) throws {
        let filter = try filter(on: architecture)
        let program = try filter.compile(backEnd: .own).program
        let faults = faults(of: program)
        #expect(faults.count > 100)
        for (index, wrong) in faults {
            #expect(throws: CompileError.self, "\(wrong.disassembly.split(separator: "\n")[index])") {
                try filter.check(wrong)
            }
        }
    }

    @Test("the error names the call, and what filter and program say to it")
    func error() throws {
        let filter = try allowing([Rule("read")])
        let wrong = try allowing([Rule("read"), Rule("write")]).compile().program
        #expect(
            throws: CompileError.mismatch(
                call: SystemCall(1, on: .x86_64), filter: .trap, program: .allow, backEnd: .libseccomp)
        ) { try filter.check(wrong, from: .libseccomp) }
    }

    @Test("a program for another architecture is not the filter's")
    func foreign() throws {
        let program = try filter(on: .aarch64).compile().program
        #expect(throws: CompileError.self) { try filter(on: .x86_64).check(program) }
    }
}
