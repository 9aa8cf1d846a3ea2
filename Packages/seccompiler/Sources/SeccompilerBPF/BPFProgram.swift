// SPDX-License-Identifier: Apache-2.0

/// A filter as the kernel takes it. Only what the kernel accepts can be one: all jumps go forward and stay inside, the
/// last instruction returns, all loads are from the call's description or from memory that was written before.
public struct BPFProgram: Hashable, Sendable {
    /// The most instructions of a program (`BPF_MAXINSNS`); as many are accepted.
    public static let countMax = 4096
    /// Bytes of an instruction.
    public static let instructionByteCount = 8

    /// The instructions, at least one.
    public let instructions: [Instruction]

    /// A program, if the kernel would take it.
    public init(_ instructions: [Instruction]) throws(BPFError) {
        try Self.validate(instructions)
        self.instructions = instructions
    }

    /// Reads what `seccomp_export_bpf` writes: instructions of 8 bytes, little-endian, and nothing else.
    public init(bytes: UnsafeRawBufferPointer) throws(BPFError) {
        guard bytes.count % Self.instructionByteCount == 0 else { throw .partialInstruction(byteCount: bytes.count) }
        let count = bytes.count / Self.instructionByteCount
        guard count <= Self.countMax else { throw .tooLong(count) }
        try self.init(
            (0..<count).map {
                let raw = bytes.loadUnaligned(fromByteOffset: $0 * Self.instructionByteCount, as: UInt64.self)
                return Instruction(rawValue: UInt64(littleEndian: raw))
            })
    }

    /// Reads the same from an array.
    public init(exported bytes: [UInt8]) throws(BPFError) {
        let result = bytes.withUnsafeBytes { bytes in
            Result<BPFProgram, BPFError> { () throws(BPFError) in try BPFProgram(bytes: bytes) }
        }
        self = try result.get()
    }

    /// The bytes that ``init(bytes:)`` reads.
    public var bytes: [UInt8] {
        instructions.flatMap { instruction in
            (0..<8).map { UInt8(truncatingIfNeeded: instruction.rawValue >> (8 * UInt64($0))) }
        }
    }
}

/// Why instructions are not a program.
public enum BPFError: Error, Equatable, CustomStringConvertible {
    /// No instruction at all.
    case empty
    /// More instructions than ``BPFProgram/countMax``.
    case tooLong(Int)
    /// A number of bytes that is no multiple of 8.
    case partialInstruction(byteCount: Int)
    /// The instruction at this index has a code that seccomp does not let pass.
    case badCode(index: Int, code: UInt16)
    /// It loads from outside the 64 bytes of a call's description, or not at a multiple of 4.
    case badOffset(index: Int, offset: UInt32)
    /// It jumps out of the program.
    case badJump(index: Int)
    /// It divides by zero, or shifts by more than 31.
    case badOperand(index: Int, operand: UInt32)
    /// It uses a memory word over 15, or reads one that may not have been written.
    case badMemory(index: Int, word: UInt32)
    /// The last instruction does not return.
    case noReturn

    public var description: String {
        switch self {
        case .empty: "no instructions"
        case .tooLong(let count): "\(count) instructions are over \(BPFProgram.countMax)"
        case .partialInstruction(let byteCount): "\(byteCount) bytes are no whole number of instructions"
        case .badCode(let index, let code): "instruction \(index): code 0x\(String(code, radix: 16)) is not allowed"
        case .badOffset(let index, let offset): "instruction \(index): loads from offset \(offset)"
        case .badJump(let index): "instruction \(index): jumps out of the program"
        case .badOperand(let index, let operand): "instruction \(index): operand \(operand)"
        case .badMemory(let index, let word): "instruction \(index): memory word \(word)"
        case .noReturn: "the last instruction does not return"
        }
    }
}
