// SPDX-License-Identifier: Apache-2.0
import Seccompiler
import SeccompilerTestSupport
import Testing
import VMMSysUtil

/// Instructions that are no program, and why.
struct MalformedProgram: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let instructions: [Instruction]
    let error: BPFError

    private static func make(_ name: String, _ error: BPFError, _ rows: (UInt16, UInt8, UInt8, UInt32)...) -> Self {
        Self(
            testDescription: name,
            instructions: rows.map { Instruction(code: $0.0, ifTrue: $0.1, ifFalse: $0.2, operand: $0.3) }, error: error
        )
    }

    private static let ret: (UInt16, UInt8, UInt8, UInt32) = (0x06, 0, 0, 0x7FFF_0000)

    static let all: [MalformedProgram] = [
        make("no instructions", .empty),
        make("no return", .noReturn, (0x20, 0, 0, 0)),
        make("a packet's byte", .badCode(index: 0, code: 0x30), (0x30, 0, 0, 0), ret),
        make("a packet's half-word", .badCode(index: 0, code: 0x28), (0x28, 0, 0, 0), ret),
        make("an indexed load", .badCode(index: 0, code: 0x40), (0x40, 0, 0, 0), ret),
        make("a remainder", .badCode(index: 0, code: 0x94), (0x94, 0, 0, 3), ret),
        make("a code that is none", .badCode(index: 1, code: 0xFFFF), (0x20, 0, 0, 0), (0xFFFF, 0, 0, 0), ret),
        make("a load between words", .badOffset(index: 0, offset: 2), (0x20, 0, 0, 2), ret),
        make("a load past the end", .badOffset(index: 0, offset: 64), (0x20, 0, 0, 64), ret),
        make("a load from far out", .badOffset(index: 0, offset: 0xFFFF_FFFC), (0x20, 0, 0, 0xFFFF_FFFC), ret),
        make("a jump behind the last", .badJump(index: 0), (0x05, 0, 0, 1), ret),
        make("a jump that wraps", .badJump(index: 0), (0x05, 0, 0, 0xFFFF_FFFF), ret),
        make("a test that jumps out if true", .badJump(index: 0), (0x15, 1, 0, 0), ret),
        make("a test that jumps out if false", .badJump(index: 0), (0x15, 0, 1, 0), ret),
        make("a test at the end", .badJump(index: 1), ret, (0x15, 0, 0, 0)),
        make("a division by zero", .badOperand(index: 0, operand: 0), (0x34, 0, 0, 0), ret),
        make("a shift by 32", .badOperand(index: 0, operand: 32), (0x64, 0, 0, 32), ret),
        make("a right shift by 32", .badOperand(index: 0, operand: 32), (0x74, 0, 0, 32), ret),
        make("memory word 16", .badMemory(index: 0, word: 16), (0x02, 0, 0, 16), ret),
        make("memory that nobody wrote", .badMemory(index: 0, word: 3), (0x60, 0, 0, 3), ret),
        make(
            "memory that one way does not write", .badMemory(index: 2, word: 3), (0x15, 1, 0, 0), (0x02, 0, 0, 3),
            (0x60, 0, 0, 3), ret),
    ]
}

@Suite struct BPFProgramTests {
    @Test("what the kernel would refuse is no program, and the kernel does refuse it", arguments: MalformedProgram.all)
    func malformed(row: MalformedProgram) {
        #expect(throws: row.error) { try BPFProgram(row.instructions) }
        #expect(KernelProbe.refusal(of: row.instructions) == .invalidArgument)
    }

    @Test("memory that all ways write may be read, and the kernel thinks so too")
    func memory() throws {
        let instructions = [
            Instruction(code: 0x15, ifTrue: 2, operand: 1), Instruction(code: 0x02, operand: 3),
            Instruction(code: 0x05, operand: 1), Instruction(code: 0x03, operand: 3),
            Instruction(code: 0x60, operand: 3), Instruction(code: 0x06, operand: 0x7FFF_0000),
        ]
        _ = try BPFProgram(instructions)
        #expect(KernelProbe.refusal(of: instructions) == nil)
    }

    @Test("random instructions run in the evaluator as in the kernel", arguments: 0..<6)
    func random(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) + 900)
        let native = try #require(Architecture.native)
        let codes: [UInt16] = [
            0x20, 0x20, 0x80, 0x81, 0x00, 0x01, 0x04, 0x0C, 0x14, 0x1C, 0x24, 0x2C, 0x34, 0x44, 0x4C, 0x54, 0x5C, 0x64,
            0x74,
            0x84, 0xA4, 0xAC, 0x05, 0x15, 0x1D, 0x25, 0x2D, 0x35, 0x3D, 0x45, 0x4D, 0x07, 0x87, 0x3C, 0x6C, 0x7C, 0x02,
            0x03,
        ]
        let number = try #require(native.syscallNumber("futex"))
        let calls = (0..<20).map { _ in SystemCall(number, (0..<6).map { _ in random.value() }, on: native) }
        var tried = 0
        while tried < 15 {
            var instructions = (0..<24).map { _ -> Instruction in
                let code = codes[Int(random.next() % UInt64(codes.count))]
                var operand = UInt32(truncatingIfNeeded: random.value())
                if code == 0x20 { operand = UInt32(16 + 4 * (random.next() % 12)) }
                if [0x64, 0x74].contains(code) { operand &= 31 }
                if [0x02, 0x03].contains(code) { operand &= 15 }
                if code == 0x05 { operand &= 3 }
                let jumps = (UInt8(random.next() % 4), UInt8(random.next() % 4))
                return Instruction(code: code, ifTrue: jumps.0, ifFalse: jumps.1, operand: operand)
            }
            // Twelve bits of the accumulator come out as an error number, 0 as success.
            instructions += [Instruction](repeating: Instruction(code: 0x54, operand: 0x7FF), count: 4)
            instructions += [Instruction(code: 0x44, operand: 0x0005_0000), Instruction(code: 0x16, operand: 0)]
            guard let program = try? BPFProgram(instructions) else { continue }
            tried += 1
            let expected = calls.map { call -> KernelProbe.Answer in
                switch program.run(on: call).action {
                case .errno(0): .returned(0)
                case .errno(let number): .failed(Errno(rawValue: Int32(number)))
                default: .died(signal: 31)
                }
            }
            // A division by zero ends the thread: what follows is not made.
            let end = expected.firstIndex(of: .died(signal: 31)).map { $0 + 1 } ?? expected.count
            let answers = try KernelProbe.answers(to: Array(calls[..<end]), under: program)
            #expect(answers == Array(expected[..<end]), "\(program.disassembly)")
        }
    }

    @Test("a program's bytes read back, and half an instruction is refused")
    func bytes() throws {
        let program = try allowing([Rule("read")]).compile().program
        #expect(try BPFProgram(exported: program.bytes) == program)
        #expect(throws: BPFError.partialInstruction(byteCount: 7)) {
            try BPFProgram(exported: [UInt8](repeating: 6, count: 7))
        }
        #expect(throws: BPFError.tooLong(5000)) { try BPFProgram(exported: [UInt8](repeating: 6, count: 40000)) }
    }
}

@Suite struct ProgramFileTests {
    private func file() throws -> ProgramFile {
        ProgramFile([
            "vmm": try allowing([Rule("read")]).compile().program,
            "api": try BPFProgram([Instruction(code: 6, operand: 0)]),
        ])
    }

    @Test("a file has the layout that is documented, and reads back")
    func layout() throws {
        let file = try file()
        let bytes = file.bytes
        #expect(Array(bytes.prefix(8)) == [2, 0, 0, 0, 0, 0, 0, 0])
        #expect(
            Array(bytes[8..<35]) == [
                3, 0, 0, 0, 0, 0, 0, 0, 97, 112, 105, 1, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0,
            ])
        #expect(try ProgramFile(bytes: bytes) == file)
    }

    @Test("cut, longer and changed files are refused")
    func malformed() throws {
        let bytes = try file().bytes
        for count in bytes.indices {
            #expect(throws: ProgramFileError.self) { try ProgramFile(bytes: Array(bytes[..<count])) }
        }
        #expect(throws: ProgramFileError.trailingBytes(1)) { try ProgramFile(bytes: bytes + [0]) }
        var changed = bytes
        changed[7] = 0xFF
        #expect(throws: ProgramFileError.badCount(0xFF00_0000_0000_0002)) { try ProgramFile(bytes: changed) }
        changed = bytes
        changed[16] = 0xFF
        #expect(throws: ProgramFileError.badName) { try ProgramFile(bytes: changed) }
        changed = bytes
        changed[27] = 0xFF
        #expect(throws: ProgramFileError.program("api", .badCode(index: 0, code: 0xFF))) {
            try ProgramFile(bytes: changed)
        }
        let twice = [2] + bytes[1..<35] + bytes[8..<35]
        #expect(throws: ProgramFileError.duplicateName("api")) { try ProgramFile(bytes: twice) }
    }
}
