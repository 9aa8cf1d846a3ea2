// SPDX-License-Identifier: Apache-2.0
import NestSandbox
import Seccompiler
import SeccompilerTestSupport
import Testing

let policies = PolicyFolder("/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/Policy")

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

    @Test("a thread's filter is its policies put together", arguments: ConfinedThread.allCases)
    func joined(thread: ConfinedThread) throws {
        let whole = try #require(try policies.filter(joining: thread.pieces.map(\.name)))
        #expect(try whole.check(try thread.program) > 1000)
    }
}
