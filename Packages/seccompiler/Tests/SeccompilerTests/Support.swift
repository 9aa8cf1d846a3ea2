// SPDX-License-Identifier: Apache-2.0
import Seccompiler
import Testing

/// A generator whose runs are the same for the same seed.
struct SeededGenerator: RandomNumberGenerator {
    var state: UInt64
    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }
    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_F491_4F6C_DD1D
    }
}

extension Condition {
    /// A condition of a test, which is valid.
    static func of(
        _ argument: Int, _ comparison: Comparison, _ value: UInt64, _ width: ArgumentWidth = .qword
    ) throws -> Condition {
        try #require(Condition(argument: argument, width: width, comparison: comparison, value: value))
    }
}

/// A filter for x86_64 that traps what it does not allow.
func allowing(
    _ rules: [Rule], else action: Action = .trap, on architecture: Architecture = .x86_64
) throws -> Filter {
    try Filter(architecture: architecture, defaultAction: action, matchAction: .allow, rules: rules)
}

extension SeededGenerator {
    /// Values that are likely to be at somebody's edge.
    mutating func value() -> UInt64 {
        let small = next() % 5
        switch next() % 6 {
        case 0: return small
        case 1: return 0xFFFF_FFFE + small
        case 2: return UInt64.max - small
        case 3: return small << 32 | next() % 3
        case 4: return 1 << (next() % 64)
        default: return next()
        }
    }

    mutating func condition(dword: Bool) -> Condition {
        let width: ArgumentWidth = dword && next() & 1 == 0 ? .dword : .qword
        let limit: UInt64 = width == .dword ? 0xFFFF_FFFF : .max
        let comparison: Comparison =
            switch next() % 7 {
            case 0: .equal
            case 1: .notEqual
            case 2: .less
            case 3: .lessOrEqual
            case 4: .greater
            case 5: .greaterOrEqual
            default: .maskedEqual(mask: value() & limit)
            }
        let argument = Int(next() % 6)
        return Condition(argument: argument, width: width, comparison: comparison, value: value() & limit)
            ?? Condition(argument: 0, comparison: .equal, value: 0)!
    }

    mutating func action() -> Action {
        [.allow, .log, .errno(UInt16(next() % 100)), .trap, .trace(7), .notify, .killThread, .killProcess][
            Int(next() % 8)]
    }

    /// A filter of any shape over few calls, so that rules meet.
    mutating func filter(on architecture: Architecture) throws -> Filter {
        let names = ["read", "write", "close", "ioctl", "futex", "mmap", "exit_group", "openat", "statx", "mseal"]
        let rules = (0..<Int(next() % 24)).map { _ in
            Rule(
                names[Int(next() % UInt64(names.count))],
                (0..<Int(next() % 4)).map { _ in condition(dword: true) }, action: next() % 3 == 0 ? action() : nil)
        }
        let match = action()
        return try Filter(
            architecture: architecture, defaultAction: match == .allow ? .trap : .allow, matchAction: match,
            rules: rules)
    }
}
