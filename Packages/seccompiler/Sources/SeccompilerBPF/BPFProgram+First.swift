// SPDX-License-Identifier: Apache-2.0

extension BPFProgram {
    /// How many calls ``asking(first:on:unless:)`` puts in front.
    public static let firstCountMax = 64

    /// A program that does the same and answers some calls sooner: their numbers are tested one by one in front of the rest,
    /// and each goes straight to where the program first looks at something else than number and architecture.
    ///
    /// All other calls take as many instructions more as there are numbers, and three. A program that computes anything from
    /// the number, which compiled ones do not, is left as it is.
    ///
    /// - Parameters:
    ///   - numbers: of calls, the most frequent first. What is over ``firstCountMax`` is not put in front.
    ///   - architecture: whose calls; others are not put in front.
    ///   - fallback: calls with this answer whatever their arguments are not put in front either.
    /// - Throws: `.tooLong`.
    public func asking(
        first numbers: [UInt32], on architecture: Architecture, unless fallback: Action? = nil
    ) throws(BPFError) -> BPFProgram {
        let ends = fallback.map { Instruction(.returnConstant, $0.returnValue) }
        var entries: [UInt32: Int] = [:]
        for number in numbers.prefix(Self.firstCountMax) {
            if let entry = entry(of: number, on: architecture), instructions[entry] != ends { entries[number] = entry }
        }
        // The lowest numbers (read and write are 0 and 1) take one test if all of them go to the same place.
        var lowest: UInt32 = 0
        while let entry = entries[lowest + 1], entry == entries[0] { lowest += 1 }
        var front: [(test: Operation, number: UInt32, entry: Int)] = []
        for number in numbers {
            guard let entry = entries.removeValue(forKey: number) else { continue }
            if lowest > 0, number <= lowest {
                for other in 0...lowest { entries[other] = nil }
                front.append((.jumpGreater, lowest, entry))
            } else {
                front.append((.jumpEqual, number, entry))
            }
        }
        guard !front.isEmpty else { return self }

        // From the last to the first, as how far a test has to jump depends on what is behind it.
        var reversed: [Instruction] = []
        for (test, number, entry) in front.reversed() {
            let distance = reversed.count + entry
            var (hit, miss) = (UInt8(exactly: distance) ?? 0, UInt8(0))
            if distance > UInt8.max {
                // Farther than a test reaches: a step, or the answer itself.
                let isAnswer = instructions[entry].operation == .returnConstant
                reversed.append(
                    isAnswer ? instructions[entry] : Instruction(.jump, UInt32(truncatingIfNeeded: distance)))
                miss = 1
            }
            if test == .jumpGreater { (hit, miss) = (miss, hit) }
            reversed.append(Instruction(test, number, ifTrue: hit, ifFalse: miss))
        }
        reversed.append(Instruction(.loadWord, 0))
        // At most two for each number and the load: it reaches.
        reversed.append(
            Instruction(.jumpEqual, architecture.auditValue, ifFalse: UInt8(truncatingIfNeeded: reversed.count)))
        reversed.append(Instruction(.loadWord, 4))
        return try BPFProgram(reversed.reversed() + instructions)
    }

    /// Where the way of a call begins to depend on more than number and architecture: the index of a load, which needs
    /// nothing of what was before, or of the answer. Nil if something else was computed on the way.
    ///
    /// libseccomp loads upper halves that it then masks with zero: these are passed over.
    private func entry(of number: UInt32, on architecture: Architecture) -> Int? {
        // Nil is what an argument's word leaves there, unknown.
        var accumulator: UInt32? = 0
        var load: Int?
        var index = 0
        while instructions.indices.contains(index) {
            let instruction = instructions[index]
            index += 1
            switch instruction.operation {
            case .loadWord where instruction.operand == 0: accumulator = number
            case .loadWord where instruction.operand == 4: accumulator = architecture.auditValue
            case .loadWord: (accumulator, load) = (nil, index - 1)
            case .returnConstant: return index - 1
            case .jump: index += Int(instruction.operand)
            case .and: accumulator = instruction.operand == 0 ? 0 : accumulator.map { $0 & instruction.operand }
            case .jumpEqual, .jumpGreater, .jumpGreaterOrEqual, .jumpSet:
                guard let accumulator else { return load }
                index += Int(instruction.holds(accumulator) ? instruction.ifTrue : instruction.ifFalse)
            default: return nil
            }
        }
        return nil
    }
}

extension Instruction {
    /// Whether this test of the accumulator succeeds.
    fileprivate func holds(_ accumulator: UInt32) -> Bool {
        switch operation {
        case .jumpEqual: accumulator == operand
        case .jumpGreater: accumulator > operand
        case .jumpGreaterOrEqual: accumulator >= operand
        default: accumulator & operand != 0
        }
    }
}
