// SPDX-License-Identifier: Apache-2.0

extension BPFProgram {
    /// What a run of the program gave.
    public struct Outcome: Hashable, Sendable {
        /// The 32 bits that it returned.
        public let returnValue: UInt32
        /// How many instructions it took.
        public let instructionCount: Int

        /// What the kernel does then.
        public var action: Action { Action(returnValue: returnValue) }
    }

    /// Runs the program in software, as the kernel would. It ends: all jumps go forward.
    public func run(on call: SystemCall) -> Outcome {
        var machine = Machine()
        var index = 0
        var count = 0
        while index < instructions.count {
            let instruction = instructions[index]
            count += 1
            index += 1
            guard let operation = instruction.operation else { break }
            switch operation {
            case .returnConstant: return Outcome(returnValue: instruction.operand, instructionCount: count)
            case .returnAccumulator: return Outcome(returnValue: machine.a, instructionCount: count)
            case .jump: index += Int(instruction.operand)
            case _ where operation.isConditionalJump:
                index += Int(machine.test(operation, instruction.operand) ? instruction.ifTrue : instruction.ifFalse)
            default:
                // A division by an X of zero ends the program with 0.
                guard machine.compute(operation, instruction.operand, call) else {
                    return Outcome(returnValue: 0, instructionCount: count)
                }
            }
        }
        // Not reached: a valid program returns.
        return Outcome(returnValue: Action.killProcess.returnValue, instructionCount: count)
    }
}

/// Accumulator, index register and memory, which all start as zero.
private struct Machine {
    var a: UInt32 = 0
    var x: UInt32 = 0
    var memory: [16 of UInt32] = .init(repeating: 0)

    func test(_ operation: Operation, _ operand: UInt32) -> Bool {
        switch operation {
        case .jumpEqual: a == operand
        case .jumpEqualX: a == x
        case .jumpGreater: a > operand
        case .jumpGreaterX: a > x
        case .jumpGreaterOrEqual: a >= operand
        case .jumpGreaterOrEqualX: a >= x
        case .jumpSet: a & operand != 0
        case .jumpSetX: a & x != 0
        default: false
        }
    }

    /// False if the program ends here.
    mutating func compute(_ operation: Operation, _ operand: UInt32, _ call: SystemCall) -> Bool {
        switch operation {
        case .loadWord: a = call.word(atOffset: operand) ?? 0
        case .loadLength: a = SystemCall.byteCount
        case .loadXLength: x = SystemCall.byteCount
        case .loadImmediate: a = operand
        case .loadXImmediate: x = operand
        case .loadMemory: a = memory[Int(operand & 15)]
        case .loadXMemory: x = memory[Int(operand & 15)]
        case .store: memory[Int(operand & 15)] = a
        case .storeX: memory[Int(operand & 15)] = x
        case .add: a = a &+ operand
        case .addX: a = a &+ x
        case .subtract: a = a &- operand
        case .subtractX: a = a &- x
        case .multiply: a = a &* operand
        case .multiplyX: a = a &* x
        case .divide: a = operand == 0 ? 0 : a / operand
        case .divideX:
            guard x != 0 else { return false }
            a /= x
        case .or: a |= operand
        case .orX: a |= x
        case .and: a &= operand
        case .andX: a &= x
        // The kernel turns the program into eBPF, whose 32-bit shifts use five bits of the count.
        case .shiftLeft: a = a &<< operand
        case .shiftLeftX: a = a &<< x
        case .shiftRight: a = a &>> operand
        case .shiftRightX: a = a &>> x
        case .negate: a = 0 &- a
        case .xor: a ^= operand
        case .xorX: a ^= x
        case .toX: x = a
        case .fromX: a = x
        default: break
        }
        return true
    }
}
