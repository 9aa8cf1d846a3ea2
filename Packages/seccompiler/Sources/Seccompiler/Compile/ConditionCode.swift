// SPDX-License-Identifier: Apache-2.0

extension Assembler {
    /// Code for one condition: a place that goes to `success` or `failure`. 64-bit arguments are two words, of which the
    /// program sees one at a time.
    mutating func condition(
        _ condition: Condition, success: Label, failure: Label
    ) throws(BPFError) -> Label {
        let low = SystemCall.offset(ofArgument: condition.argument)
        let value = Halves(condition.value)
        let isWide = condition.width == .qword
        switch condition.comparison {
        case .equal: return try equal(low, value, isWide ? .all : .low, success, failure)
        case .notEqual: return try equal(low, value, isWide ? .all : .low, failure, success)
        case .maskedEqual(let mask): return try equal(low, value, Halves(mask), success, failure)
        case .greater: return try ordered(.jumpGreater, low, value, isWide, success, failure)
        case .greaterOrEqual: return try ordered(.jumpGreaterOrEqual, low, value, isWide, success, failure)
        case .less: return try ordered(.jumpGreaterOrEqual, low, value, isWide, failure, success)
        case .lessOrEqual: return try ordered(.jumpGreater, low, value, isWide, failure, success)
        }
    }

    /// The lower word first: it is the one that differs, and the next rule for the same argument finds it loaded.
    private mutating func equal(
        _ low: UInt32, _ value: Halves, _ mask: Halves, _ success: Label, _ failure: Label
    ) throws(BPFError) -> Label {
        let rest = try equal(word: low + 4, value.high, mask.high, success, failure)
        return try equal(word: low, value.low, mask.low, rest, failure)
    }

    private mutating func equal(
        word offset: UInt32, _ value: UInt32, _ mask: UInt32, _ success: Label, _ failure: Label
    ) throws(BPFError) -> Label {
        let wanted = value & mask
        let word = Assembler.Word(offset: offset)
        let testing: Label
        switch mask {
        case 0: return success
        case .max:
            testing = try test(.jumpEqual, wanted, ifTrue: success, ifFalse: failure, accumulator: word)
        case _ where wanted == 0:
            testing = try test(.jumpSet, mask, ifTrue: failure, ifFalse: success, accumulator: word)
        case _ where Halves.keepsWord(wanted, mask):
            testing = try test(.jumpSet, mask, ifTrue: success, ifFalse: failure, accumulator: word)
        default:
            let part = Assembler.Word(offset: offset, mask: mask)
            let masked = try test(.jumpEqual, wanted, ifTrue: success, ifFalse: failure, accumulator: part)
            testing = try self.mask(part, then: masked)
        }
        return try load(offset, then: testing)
    }

    private mutating func ordered(
        _ operation: Operation, _ low: UInt32, _ value: Halves, _ isWide: Bool, _ success: Label, _ failure: Label
    ) throws(BPFError) -> Label {
        let lower = try test(
            operation, value.low, ifTrue: success, ifFalse: failure, accumulator: Assembler.Word(offset: low))
        let loadLow = try load(low, then: lower)
        guard isWide else { return loadLow }
        let high = low + 4
        let word = Assembler.Word(offset: high)
        let same = try test(.jumpEqual, value.high, ifTrue: loadLow, ifFalse: failure, accumulator: word)
        let upper = try test(.jumpGreater, value.high, ifTrue: success, ifFalse: same, accumulator: word)
        return try load(high, then: upper)
    }
}

extension Condition {
    /// What is in the accumulator whenever the condition does not hold, if it is always the same.
    var wordAfterFailure: Assembler.Word? {
        let word = Assembler.Word(offset: SystemCall.offset(ofArgument: argument))
        guard case .maskedEqual(let mask) = comparison else { return width == .dword ? word : nil }
        let halves = Halves(mask)
        guard halves.high == 0, halves.low != 0 else { return nil }
        return Halves.keepsWord(Halves(value).low & halves.low, halves.low)
            ? word : Assembler.Word(offset: word.offset, mask: halves.low)
    }
}

/// The two words of a 64-bit value.
private struct Halves {
    let low: UInt32
    let high: UInt32

    init(_ value: UInt64) {
        low = UInt32(truncatingIfNeeded: value)
        high = UInt32(truncatingIfNeeded: value >> 32)
    }

    /// Whether a word is compared with `wanted` under a mask by an instruction that leaves the word as it is.
    static func keepsWord(_ wanted: UInt32, _ mask: UInt32) -> Bool {
        mask == .max || wanted == 0 || (wanted == mask && mask.nonzeroBitCount == 1)
    }

    static let all = Halves(.max)
    static let low = Halves(0xFFFF_FFFF)
}

extension SystemCall {
    /// Where an argument's lower word lies in the call's description.
    static func offset(ofArgument index: Int) -> UInt32 { 16 + 8 * UInt32(truncatingIfNeeded: index) }
}
