// SPDX-License-Identifier: Apache-2.0

extension BPFProgram {
    /// What `bpf_check_classic`, `check_load_and_stores` (`net/core/filter.c`) and `seccomp_check_filter`
    /// (`kernel/seccomp.c`) check.
    static func validate(_ instructions: [Instruction]) throws(BPFError) {
        guard let last = instructions.last else { throw .empty }
        guard instructions.count <= countMax else { throw .tooLong(instructions.count) }
        // Which memory words were written on every way to an instruction, one bit each.
        var written = [UInt16](repeating: .max, count: instructions.count)
        var current: UInt16 = 0
        for (index, instruction) in instructions.enumerated() {
            guard let operation = instruction.operation else { throw .badCode(index: index, code: instruction.code) }
            let operand = instruction.operand
            current &= written[index]
            let after = instructions.count - index - 1
            switch operation {
            case .loadWord:
                guard operand & 3 == 0, operand < SystemCall.byteCount else {
                    throw .badOffset(index: index, offset: operand)
                }
            case .divide where operand == 0, .shiftLeft where operand > 31, .shiftRight where operand > 31:
                throw .badOperand(index: index, operand: operand)
            case .store, .storeX:
                guard operand < memoryCount else { throw .badMemory(index: index, word: operand) }
                current |= 1 << UInt16(operand)
            case .loadMemory, .loadXMemory:
                guard operand < memoryCount, current & 1 << UInt16(operand) != 0 else {
                    throw .badMemory(index: index, word: operand)
                }
            case .jump:
                guard operand < after else { throw .badJump(index: index) }
                written[index + 1 + Int(operand)] &= current
                current = .max
            case _ where operation.isConditionalJump:
                guard instruction.ifTrue < after, instruction.ifFalse < after else { throw .badJump(index: index) }
                written[index + 1 + Int(instruction.ifTrue)] &= current
                written[index + 1 + Int(instruction.ifFalse)] &= current
                current = .max
            default: break
            }
        }
        guard last.operation == .returnConstant || last.operation == .returnAccumulator else { throw .noReturn }
    }

    /// Words of a program's memory (`BPF_MEMWORDS`).
    static let memoryCount = 16
}
