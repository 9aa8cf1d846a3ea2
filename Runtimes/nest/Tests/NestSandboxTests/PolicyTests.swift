// SPDX-License-Identifier: Apache-2.0
import NestSandbox
import Seccompiler
import Testing
import VMMSysUtil

/// The folder of policies, and what is in it.
enum Policies {
    static let folder = "/" + #filePath.split(separator: "/").dropLast(3).joined(separator: "/") + "/Policy"

    static func text(_ name: String) throws -> String {
        String(decoding: try FileDescriptor.open("\(folder)/\(name)").readToEnd(limit: 1 << 20), as: UTF8.self)
    }

    /// All filters of all files, by name.
    static func filters() throws -> [String: Filter] {
        var filters: [String: Filter] = [:]
        for name in Directory.names(in: folder) where name.hasSuffix(".json") {
            for entry in try Policy(json: try text(name), architecture: .x86_64).entries {
                #expect(filters.updateValue(entry.filter, forKey: entry.name) == nil, "two filters \(entry.name)")
            }
        }
        return filters
    }
}

@Suite struct PolicyTests {
    @Test("the compiled filters are what the policies compile to (else: make seccomp-filters)")
    func compiled() throws {
        let filters = try Policies.filters()
        #expect(Set(FilterPiece.all.map(\.name)) == Set(filters.keys))
        for piece in FilterPiece.all {
            let filter = try #require(filters[piece.name])
            #expect(try piece.program == filter.compile().program, "\(piece.name) is out of date")
        }
    }

    @Test("every policy allows and traps, and no rule is in vain")
    func policies() throws {
        for (name, filter) in try Policies.filters() {
            #expect(filter.matchAction == .allow && filter.defaultAction == .trap)
            #expect(filter.findings == [], "\(name)")
        }
    }

    @Test("a thread's filter is its policies put together", arguments: ConfinedThread.allCases)
    func joined(thread: ConfinedThread) throws {
        let filters = try Policies.filters()
        let names = thread.pieces.map(\.name)
        var whole = try #require(filters[names[0]])
        for name in names.dropFirst() { whole = try whole.adding(try #require(filters[name]).rules) }
        #expect(try whole.check(try thread.program) > 1000)
    }
}
