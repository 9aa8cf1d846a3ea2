// SPDX-License-Identifier: Apache-2.0

extension BPFProgram {
    /// One program of several for the same architecture: the first that answers anything but `fallback` decides, and if
    /// none does the answer is `fallback`.
    ///
    /// This is how allow lists are added up without a compiler. To install them one after the other would do the opposite:
    /// of several filters the most severe answer counts.
    ///
    /// Only answers that are constants are recognised, and each program must load what it tests, as all compiled ones do: it
    /// starts with the accumulator that the one before it left.
    ///
    /// - Throws: `.empty` for no programs, `.tooLong` for one that is longer than the kernel takes.
    public init(joining programs: [BPFProgram], fallback: Action) throws(BPFError) {
        let ends = Instruction(.returnConstant, fallback.returnValue)
        var joined: [Instruction] = []
        for (position, program) in programs.enumerated() {
            let isLast = position == programs.count - 1
            for (index, instruction) in program.instructions.enumerated() {
                let rest = program.instructions.count - index - 1
                // A return becomes a jump in the same place, to the next program: no other jump changes.
                joined.append(
                    !isLast && instruction == ends
                        ? Instruction(.jump, UInt32(truncatingIfNeeded: rest)) : instruction)
            }
        }
        try self.init(joined)
    }
}
