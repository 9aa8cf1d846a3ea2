// SPDX-License-Identifier: Apache-2.0

/// An allow list of system calls that was compiled before, such as a thread's own or what a part of the program adds to it.
///
/// `make seccomp-filters` writes them as Swift, so that a program has its filters without a compiler and without files.
public struct FilterPiece: Sendable {
    /// Its name in the policy.
    public let name: String
    /// The numbers of the calls that its thread makes most often, the most frequent first, whichever piece allows them.
    public let first: [UInt32]
    /// Instructions of 8 bytes, see `Instruction.rawValue`.
    private let code: [UInt64]

    /// A piece by name, of instructions as ``Instruction/rawValue`` has them.
    public init(_ name: String, first: [UInt32] = [], _ code: [UInt64]) {
        self.name = name
        self.first = first
        self.code = code
    }

    /// The program.
    public var program: BPFProgram {
        get throws(BPFError) { try BPFProgram(code.map { Instruction(rawValue: $0) }) }
    }
}

extension BPFProgram {
    /// One program of x86_64's pieces that all trap what they do not allow, see ``init(joining:fallback:)``. The calls that a
    /// piece names as most frequent are asked about first, see ``asking(first:on:unless:)``.
    public init(joining pieces: [FilterPiece]) throws(BPFError) {
        var programs: [BPFProgram] = []
        for piece in pieces { programs.append(try piece.program) }
        self = try BPFProgram(joining: programs, fallback: .trap)
            .asking(first: pieces.flatMap(\.first), on: .x86_64, unless: .trap)
    }
}
