// SPDX-License-Identifier: Apache-2.0

/// A system call as a filter sees it: `struct seccomp_data` of `linux/seccomp.h`.
public struct SystemCall: Hashable, Sendable {
    /// How many arguments a system call has.
    public static let argumentCount = 6
    /// Bytes of `struct seccomp_data`.
    static let byteCount: UInt32 = 64

    /// `AUDIT_ARCH_*` of the calling convention that was used, see ``Architecture/auditValue``.
    public var auditValue: UInt32
    /// The number that the caller put into its register.
    public var number: UInt32
    /// Where the call came from.
    public var instructionPointer: UInt64
    /// The six argument registers; those that a call does not use hold whatever they held.
    public var arguments: [6 of UInt64]

    /// A call by number. Arguments that are not given are 0, those over six are ignored.
    public init(_ number: UInt32, _ arguments: [UInt64] = [], on architecture: Architecture) {
        self.init(number, arguments, auditValue: architecture.auditValue)
    }

    /// A call by number with any architecture's name.
    public init(_ number: UInt32, _ arguments: [UInt64] = [], auditValue: UInt32) {
        self.auditValue = auditValue
        self.number = number
        instructionPointer = 0
        self.arguments = .init(repeating: 0)
        for (index, value) in arguments.prefix(Self.argumentCount).enumerated() { self.arguments[index] = value }
    }

    /// Whether the number is from the range of x32, whose calls reach the same kernel functions as x86_64's with bit 30 set.
    /// All ones is not: it is what a tracer writes to skip a call.
    public var isX32: Bool { number >= 0x4000_0000 && number < .max && auditValue == Architecture.x86_64.auditValue }

    /// One 32-bit word as the filter loads it; `offset` is a multiple of 4 below 64, else the answer is nil.
    /// Little-endian like all of ``Architecture``.
    func word(atOffset offset: UInt32) -> UInt32? {
        switch offset {
        case 0: return number
        case 4: return auditValue
        case 8: return UInt32(truncatingIfNeeded: instructionPointer)
        case 12: return UInt32(truncatingIfNeeded: instructionPointer >> 32)
        case 16..<Self.byteCount where offset & 3 == 0:
            let value = arguments[Int((offset - 16) / 8)]
            return UInt32(truncatingIfNeeded: offset & 4 == 0 ? value : value >> 32)
        default: return nil
        }
    }

    public static func == (left: SystemCall, right: SystemCall) -> Bool {
        left.number == right.number && left.auditValue == right.auditValue
            && left.instructionPointer == right.instructionPointer
            && (0..<argumentCount).allSatisfy { left.arguments[$0] == right.arguments[$0] }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(number)
        hasher.combine(auditValue)
        for index in 0..<Self.argumentCount { hasher.combine(arguments[index]) }
    }
}

extension SystemCall: CustomStringConvertible {
    /// Such as `syscall 16 (0x3, 0x5413, 0x0, 0x0, 0x0, 0x0) of 0xc000003e`.
    public var description: String {
        let list = (0..<Self.argumentCount).map { "0x" + String(arguments[$0], radix: 16) }.joined(separator: ", ")
        return "syscall \(number) (\(list)) of 0x\(String(auditValue, radix: 16))"
    }
}
