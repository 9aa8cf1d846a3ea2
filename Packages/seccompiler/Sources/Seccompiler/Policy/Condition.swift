// SPDX-License-Identifier: Apache-2.0

/// How much of a system call's argument is compared.
public enum ArgumentWidth: String, Hashable, Sendable {
    /// The lower 32 bits; the upper ones are ignored. For arguments that the kernel takes as an `int`.
    case dword
    /// All 64 bits.
    case qword
}

/// How an argument is compared with a value. All comparisons are unsigned.
public enum Comparison: Hashable, Sendable {
    /// `eq`
    case equal
    /// `ne`
    case notEqual
    /// `lt`
    case less
    /// `le`
    case lessOrEqual
    /// `gt`
    case greater
    /// `ge`
    case greaterOrEqual
    /// `masked_eq`: equal in the bits of the mask, the others are ignored on both sides.
    case maskedEqual(mask: UInt64)
}

/// One test of one argument. It can only hold what can be compiled: see ``init(argument:width:comparison:value:)``.
public struct Condition: Hashable, Sendable {
    /// Which argument, from 0 to 5.
    public let argument: Int
    /// How much of it.
    public let width: ArgumentWidth
    /// How.
    public let comparison: Comparison
    /// With what.
    public let value: UInt64

    /// A condition, or nil if the argument's number is over 5, or a `dword` is compared with a value or a mask over 32
    /// bits (which could never be equal, and which others cut).
    public init?(argument: Int, width: ArgumentWidth = .qword, comparison: Comparison, value: UInt64) {
        guard (0..<SystemCall.argumentCount).contains(argument) else { return nil }
        if width == .dword {
            guard value <= UInt64(UInt32.max) else { return nil }
            if case .maskedEqual(let mask) = comparison, mask > UInt64(UInt32.max) { return nil }
        }
        self.argument = argument
        self.width = width
        self.comparison = comparison
        self.value = value
    }

    /// Whether an argument with this value passes.
    public func matches(_ argumentValue: UInt64) -> Bool {
        let found = width == .dword ? argumentValue & 0xFFFF_FFFF : argumentValue
        return switch comparison {
        case .equal: found == value
        case .notEqual: found != value
        case .less: found < value
        case .lessOrEqual: found <= value
        case .greater: found > value
        case .greaterOrEqual: found >= value
        case .maskedEqual(let mask): found & mask == value & mask
        }
    }
}

extension Condition: CustomStringConvertible {
    /// Such as `arg1 dword == 0xae80`.
    public var description: String {
        let value = "0x" + String(value, radix: 16)
        let left = "arg\(argument) \(width.rawValue)"
        return switch comparison {
        case .equal: "\(left) == \(value)"
        case .notEqual: "\(left) != \(value)"
        case .less: "\(left) < \(value)"
        case .lessOrEqual: "\(left) <= \(value)"
        case .greater: "\(left) > \(value)"
        case .greaterOrEqual: "\(left) >= \(value)"
        case .maskedEqual(let mask): "\(left) & 0x\(String(mask, radix: 16)) == \(value)"
        }
    }
}
