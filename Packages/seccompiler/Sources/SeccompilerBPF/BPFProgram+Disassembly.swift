// SPDX-License-Identifier: Apache-2.0

extension BPFProgram {
    /// One line an instruction, jumps with the index they go to:
    /// ```
    /// 0000: ld   [4]                       ; arch
    /// 0001: jeq  0xc000003e, 2, 9          ; x86_64
    /// ```
    public var disassembly: String {
        instructions.enumerated().map { index, instruction in
            let number = String(index)
            let padding = String(repeating: "0", count: max(0, 4 - number.count))
            return padding + number + ": " + Self.line(instruction, at: index) + "\n"
        }.joined()
    }

    private static func line(_ instruction: Instruction, at index: Int) -> String {
        guard let operation = instruction.operation else { return ".word 0x\(String(instruction.rawValue, radix: 16))" }
        let hex = "0x" + String(instruction.operand, radix: 16)
        switch operation {
        case .loadWord: return commented("ld   [\(instruction.operand)]", field(instruction.operand))
        case .returnConstant:
            return commented("ret  \(hex)", Action(returnValue: instruction.operand).description)
        case .jump: return "ja   \(index + 1 + Int(instruction.operand))"
        case _ where operation.isConditionalJump:
            let mnemonic = mnemonic(operation)
            let left = mnemonic.usesX ? "x" : hex
            let text =
                pad(mnemonic.name, 4) + " \(left), \(index + 1 + Int(instruction.ifTrue)), "
                + "\(index + 1 + Int(instruction.ifFalse))"
            let architecture = Architecture.allCases.first { $0.auditValue == instruction.operand && !mnemonic.usesX }
            return commented(text, architecture?.rawValue)
        default:
            let mnemonic = mnemonic(operation)
            switch mnemonic.operand {
            case .none: return mnemonic.name
            case .x: return pad(mnemonic.name, 4) + " x"
            case .constant: return pad(mnemonic.name, 4) + " \(hex)"
            case .memory: return pad(mnemonic.name, 4) + " M[\(instruction.operand)]"
            case .length: return pad(mnemonic.name, 4) + " len"
            }
        }
    }

    private static func field(_ offset: UInt32) -> String? {
        switch offset {
        case 0: return "number"
        case 4: return "arch"
        case 8: return "ip, low"
        case 12: return "ip, high"
        case 16..<SystemCall.byteCount: return "arg\((offset - 16) / 8), \(offset & 4 == 0 ? "low" : "high")"
        default: return nil
        }
    }

    private static func pad(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    private static func commented(_ text: String, _ comment: String?) -> String {
        guard let comment else { return text }
        return pad(text, 32) + "; " + comment
    }

    private enum Operand { case none, x, constant, memory, length }

    private struct Mnemonic {
        let name: String
        let operand: Operand
        var usesX: Bool { operand == .x }
    }

    private static func mnemonic(_ operation: Operation) -> Mnemonic {
        let (name, operand): (String, Operand) =
            switch operation {
            case .loadWord: ("ld", .constant)
            case .loadLength: ("ld", .length)
            case .loadXLength: ("ldx", .length)
            case .loadImmediate: ("ldi", .constant)
            case .loadXImmediate: ("ldxi", .constant)
            case .loadMemory: ("ld", .memory)
            case .loadXMemory: ("ldx", .memory)
            case .store: ("st", .memory)
            case .storeX: ("stx", .memory)
            case .add: ("add", .constant)
            case .addX: ("add", .x)
            case .subtract: ("sub", .constant)
            case .subtractX: ("sub", .x)
            case .multiply: ("mul", .constant)
            case .multiplyX: ("mul", .x)
            case .divide: ("div", .constant)
            case .divideX: ("div", .x)
            case .or: ("or", .constant)
            case .orX: ("or", .x)
            case .and: ("and", .constant)
            case .andX: ("and", .x)
            case .shiftLeft: ("lsh", .constant)
            case .shiftLeftX: ("lsh", .x)
            case .shiftRight: ("rsh", .constant)
            case .shiftRightX: ("rsh", .x)
            case .negate: ("neg", .none)
            case .xor: ("xor", .constant)
            case .xorX: ("xor", .x)
            case .jump: ("ja", .constant)
            case .jumpEqual: ("jeq", .constant)
            case .jumpEqualX: ("jeq", .x)
            case .jumpGreater: ("jgt", .constant)
            case .jumpGreaterX: ("jgt", .x)
            case .jumpGreaterOrEqual: ("jge", .constant)
            case .jumpGreaterOrEqualX: ("jge", .x)
            case .jumpSet: ("jset", .constant)
            case .jumpSetX: ("jset", .x)
            case .returnConstant: ("ret", .constant)
            case .returnAccumulator: ("ret a", .none)
            case .toX: ("tax", .none)
            case .fromX: ("txa", .none)
            }
        return Mnemonic(name: name, operand: operand)
    }
}
