// SPDX-License-Identifier: Apache-2.0
package import SeccompilerBPF

/// An allow list of system calls that was compiled before, from `Policy/`: a thread's own or what a device adds to it.
package struct FilterPiece: Sendable {
    /// Its name in the policy.
    package let name: String
    /// Instructions of 8 bytes, see `Instruction.rawValue`.
    let code: [UInt64]

    init(_ name: String, _ code: [UInt64]) {
        self.name = name
        self.code = code
    }

    /// The program.
    package var program: BPFProgram {
        get throws(BPFError) { try BPFProgram(code.map { Instruction(rawValue: $0) }) }
    }
}
