// SPDX-License-Identifier: Apache-2.0

extension ProgramFile {
    /// Compiles all filters of a policy.
    public init(compiling policy: Policy) throws(CompileError) {
        var programs: [String: BPFProgram] = [:]
        for entry in policy.entries { programs[entry.name] = try entry.filter.compile().program }
        self.init(programs)
    }
}
