// SPDX-License-Identifier: Apache-2.0
import Seccompiler
import SeccompilerTestSupport
import SwiftletVMM
import Testing

@Suite struct PolicyTests {
    @Test("the compiled filters are what the policies compile to (else: make seccomp-filters)")
    func compiled() throws {
        let filters = try policies.filters()
        #expect(Set(FilterPiece.all.map(\.name)) == Set(filters.keys))
        for piece in FilterPiece.all {
            let filter = try #require(filters[piece.name])
            #expect(try piece.program == filter.compile().program, "\(piece.name) is out of date")
        }
    }

    @Test("every policy allows and traps, and no rule is in vain")
    func rules() throws {
        for (name, filter) in try policies.filters() {
            #expect(filter.matchAction == .allow && filter.defaultAction == .trap)
            #expect(filter.findings == [], "\(name)")
        }
    }

    @Test("a thread's filter is its policies put together", arguments: Confined.allCases)
    func joined(thread: Confined) throws {
        let whole = try policies.filter(of: thread)
        #expect(try whole.check(try thread.program()) > 1000)
    }

    @Test("a file of filters needs the three threads' programs and nothing else")
    func files() throws {
        let allow = try BPFProgram([Instruction(code: 0x06, operand: Action.allow.returnValue)])
        let all = ["api": allow, "vcpu": allow, "vmm": allow]
        #expect(throws: Never.self) { try Sandbox(file: ProgramFile(all).bytes) }
        #expect(throws: SandboxError.programs(["api", "vmm"])) {
            try Sandbox(file: ProgramFile(all.filter { $0.key != "vcpu" }).bytes)
        }
        #expect(throws: SandboxError.programs(["api", "other", "vcpu", "vmm"])) {
            try Sandbox(file: ProgramFile(all.merging(["other": allow]) { $1 }).bytes)
        }
        #expect(throws: SandboxError.file(.truncated)) { try Sandbox(file: [1, 2, 3]) }
        // What is in the file is put on as it is.
        let own = try Sandbox(file: ProgramFile(all).bytes)
        #expect(try own.program(for: .vcpu, adding: [.drives]) == allow)
    }
}
