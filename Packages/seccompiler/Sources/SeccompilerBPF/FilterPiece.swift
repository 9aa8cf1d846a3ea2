// SPDX-License-Identifier: Apache-2.0

/// An allow list of system calls that was compiled before, such as a thread's own or what a part of the program adds to it.
///
/// `make seccomp-filters` writes them as Swift, so that a program has its filters without a compiler and without files.
public struct FilterPiece: Sendable {
    /// Its name in the policy.
    public let name: String
    /// Instructions of 8 bytes, see `Instruction.rawValue`.
    private let code: [UInt64]

    /// A piece by name, of instructions as ``Instruction/rawValue`` has them.
    public init(_ name: String, _ code: [UInt64]) {
        self.name = name
        self.code = code
    }

    /// The program.
    public var program: BPFProgram {
        get throws(BPFError) { try BPFProgram(code.map { Instruction(rawValue: $0) }) }
    }
}

extension BPFProgram {
    /// One program of pieces that all trap what they do not allow, see ``init(joining:fallback:)``. What is asked about most
    /// often comes first.
    public init(joining pieces: [FilterPiece]) throws(BPFError) {
        var programs: [BPFProgram] = []
        for piece in pieces { programs.append(try piece.program) }
        try self.init(joining: programs, fallback: .trap)
    }
}
