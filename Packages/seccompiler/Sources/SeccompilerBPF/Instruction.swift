// SPDX-License-Identifier: Apache-2.0

/// One instruction of classic BPF: `struct sock_filter` of `linux/filter.h`.
public struct Instruction: Hashable, Sendable {
    /// Class, size or operation, and mode.
    public let code: UInt16
    /// How many instructions to skip if a test holds.
    public let ifTrue: UInt8
    /// How many instructions to skip if it does not.
    public let ifFalse: UInt8
    /// The operand.
    public let operand: UInt32

    /// An instruction, valid or not.
    public init(code: UInt16, ifTrue: UInt8 = 0, ifFalse: UInt8 = 0, operand: UInt32) {
        self.code = code
        self.ifTrue = ifTrue
        self.ifFalse = ifFalse
        self.operand = operand
    }

    /// The eight bytes as a little-endian number: code, ifTrue, ifFalse, operand.
    public var rawValue: UInt64 {
        UInt64(code) | UInt64(ifTrue) << 16 | UInt64(ifFalse) << 24 | UInt64(operand) << 32
    }

    /// The instruction that these eight bytes are.
    public init(rawValue: UInt64) {
        self.init(
            code: UInt16(truncatingIfNeeded: rawValue), ifTrue: UInt8(truncatingIfNeeded: rawValue >> 16),
            ifFalse: UInt8(truncatingIfNeeded: rawValue >> 24), operand: UInt32(truncatingIfNeeded: rawValue >> 32))
    }
}

/// The instructions that seccomp lets a filter use (`seccomp_check_filter` in `kernel/seccomp.c`): classic BPF without
/// packet loads, indexed loads, byte and half-word loads, and remainders.
package enum Operation: UInt16 {
    case loadWord = 0x20
    case loadLength = 0x80
    case loadXLength = 0x81
    case loadImmediate = 0x00
    case loadXImmediate = 0x01
    case loadMemory = 0x60
    case loadXMemory = 0x61
    case store = 0x02
    case storeX = 0x03
    case add = 0x04
    case addX = 0x0C
    case subtract = 0x14
    case subtractX = 0x1C
    case multiply = 0x24
    case multiplyX = 0x2C
    case divide = 0x34
    case divideX = 0x3C
    case or = 0x44
    case orX = 0x4C
    case and = 0x54
    case andX = 0x5C
    case shiftLeft = 0x64
    case shiftLeftX = 0x6C
    case shiftRight = 0x74
    case shiftRightX = 0x7C
    case negate = 0x84
    case xor = 0xA4
    case xorX = 0xAC
    case jump = 0x05
    case jumpEqual = 0x15
    case jumpEqualX = 0x1D
    case jumpGreater = 0x25
    case jumpGreaterX = 0x2D
    case jumpGreaterOrEqual = 0x35
    case jumpGreaterOrEqualX = 0x3D
    case jumpSet = 0x45
    case jumpSetX = 0x4D
    case returnConstant = 0x06
    case returnAccumulator = 0x16
    case toX = 0x07
    case fromX = 0x87

    package var isConditionalJump: Bool {
        switch self {
        case .jumpEqual, .jumpEqualX, .jumpGreater, .jumpGreaterX, .jumpGreaterOrEqual, .jumpGreaterOrEqualX, .jumpSet,
            .jumpSetX:
            true
        default: false
        }
    }
}

extension Instruction {
    package init(_ operation: Operation, _ operand: UInt32 = 0, ifTrue: UInt8 = 0, ifFalse: UInt8 = 0) {
        self.init(code: operation.rawValue, ifTrue: ifTrue, ifFalse: ifFalse, operand: operand)
    }

    /// What it does, or nil if seccomp does not know the code.
    package var operation: Operation? { Operation(rawValue: code) }
}
