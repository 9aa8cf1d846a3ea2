// SPDX-License-Identifier: Apache-2.0

/// Writes a program from its end to its beginning.
///
/// All jumps of BPF go forward, so what a jump goes to is always written already, and its distance is known: no second
/// pass, and where a test's eight bits do not reach, a step between (`ja`, or a copy of the `ret`) is put behind the test.
/// Nothing runs on into the next instruction but a test behind its load.
struct Assembler {
    /// A place to go to, as its distance from the program's end.
    struct Label: Hashable {
        let index: Int
        /// Where to go instead if the accumulator holds one of these already.
        var loaded: [Word: Int] = [:]
    }

    /// A word of the call's description, or what a mask leaves of it.
    struct Word: Hashable {
        let offset: UInt32
        var mask: UInt32 = .max
    }

    private var reversed: [Instruction] = []
    private var returns: [UInt32: Int] = [:]

    /// A place that returns this.
    mutating func giveBack(_ value: UInt32) throws(BPFError) -> Label {
        if let index = returns[value], reversed.count - index < 200 { return Label(index: index) }
        try write(Instruction(.returnConstant, value))
        returns[value] = reversed.count - 1
        return Label(index: reversed.count - 1)
    }

    /// A place that tests the accumulator. `accumulator` is what it holds there and keeps, if that is known.
    mutating func test(
        _ operation: Operation, _ operand: UInt32, ifTrue: Label, ifFalse: Label, accumulator: Word?
    ) throws(BPFError) -> Label {
        let trueIndex = try near(Self.entry(of: ifTrue, accumulator: accumulator))
        let falseIndex = try near(Self.entry(of: ifFalse, accumulator: accumulator))
        guard let trueSkip = UInt8(exactly: reversed.count - trueIndex - 1),
            let falseSkip = UInt8(exactly: reversed.count - falseIndex - 1)
        else { throw .badJump(index: reversed.count) }
        return try write(Instruction(operation, operand, ifTrue: trueSkip, ifFalse: falseSkip))
    }

    /// A place that loads the word at `offset`, and goes on with the instruction that was written last, which must be
    /// `next`.
    mutating func load(_ offset: UInt32, then next: Label) throws(BPFError) -> Label {
        guard next.index == reversed.count - 1 else { throw .badJump(index: reversed.count) }
        var label = try write(Instruction(.loadWord, offset))
        label.loaded = next.loaded
        label.loaded[Word(offset: offset)] = next.index
        return label
    }

    /// Takes the load of `label`, and its mask, back, because all that go there have `word` in the accumulator. Only what was
    /// written last, and nothing goes to yet, can be taken back; else `label` stays.
    mutating func withoutLoad(_ label: Label, of word: Word) -> Label {
        guard let index = label.loaded[word], label.index == reversed.count - 1 else { return label }
        reversed.removeLast(label.index - index)
        return Label(index: index, loaded: label.loaded.filter { $0.value < index })
    }

    /// A place that leaves `word` of what it was loaded from, and goes on with `next`, which must have been written last.
    mutating func mask(_ word: Word, then next: Label) throws(BPFError) -> Label {
        guard next.index == reversed.count - 1 else { throw .badJump(index: reversed.count) }
        var label = try write(Instruction(.and, word.mask))
        label.loaded[word] = next.index
        return label
    }

    /// Makes sure that the program begins with `label`.
    mutating func begin(with label: Label) throws(BPFError) -> [Instruction] {
        if label.index != reversed.count - 1 { _ = try write(stepping(to: label.index)) }
        return reversed.reversed()
    }

    private static func entry(of label: Label, accumulator: Word?) -> Int {
        accumulator.flatMap { label.loaded[$0] } ?? label.index
    }

    /// An instruction that is or leads to the one at `index` and that a test reaches even if one more comes between.
    private mutating func near(_ index: Int) throws(BPFError) -> Int {
        guard reversed.count - index > Int(UInt8.max) - 1 else { return index }
        let instruction = stepping(to: index)
        try write(instruction)
        if instruction.operation == .returnConstant { returns[instruction.operand] = reversed.count - 1 }
        return reversed.count - 1
    }

    private func stepping(to index: Int) -> Instruction {
        let target = reversed[index]
        guard target.operation != .returnConstant else { return target }
        return Instruction(.jump, UInt32(truncatingIfNeeded: reversed.count - index - 1))
    }

    @discardableResult
    private mutating func write(_ instruction: Instruction) throws(BPFError) -> Label {
        guard reversed.count < BPFProgram.countMax else { throw .tooLong(reversed.count + 1) }
        reversed.append(instruction)
        return Label(index: reversed.count - 1)
    }
}
