// SPDX-License-Identifier: Apache-2.0
import NestProtocols
import Testing

@testable import NestAgent

@Suite("What a request may name")
struct RunPathTests {
    @Test(
        "a path is below /run by its bytes: a slash with an accent behind it is a slash",
        arguments: [
            ("/run/a", ["a"]), ("/run/a/b.c", ["a", "b.c"]), ("/run/a/\u{301}b", ["a", "\u{301}b"]),
            ("/run/..a", ["..a"]),
            ("/run", nil), ("/run/", nil), ("run/a", nil), ("/etc/a", nil), ("/run/a//b", nil), ("/run/a/", nil),
            ("/run/../etc", nil), ("/run/./a", nil), ("/run/../\u{301}etc", nil), ("/run/a/..\u{0}", nil),
            ("/\u{301}run/a", nil), ("", nil), ("/run/" + String(repeating: "a", count: 1020), nil),
        ] as [(String, [String]?)])
    func paths(path: String, names: [String]?) {
        #expect(RunPath(path)?.names.map { Array($0.utf8) } == names?.map { Array($0.utf8) })
    }

    @Test("a line for resolv.conf has no line end, not even one that Swift takes for half a character")
    func resolver() throws {
        var request = AgentCreateSandboxRequest()
        request.dns = ["nameserver 192.0.2.1"]
        try AgentCore.check(request)
        request.dns = ["nameserver 192.0.2.1\r\nnameserver 192.0.2.2"]
        #expect(throws: AgentError.self) { try AgentCore.check(request) }
    }

    @Test("a piece of a file is checked before anything is done")
    func pieces() throws {
        func names(_ change: (inout AgentCopyFileRequest) -> Void) -> [String]? {
            var request = AgentCopyFileRequest()
            request.path = "/run/a/b"
            request.fileSize = 10
            request.data.append(contentsOf: [1, 2, 3])
            change(&request)
            return try? CopiedFile(request).names
        }
        #expect(names { _ in } == ["a", "b"])
        #expect(names { $0.offset = 7 } == ["a", "b"])
        #expect(names { $0.offset = 8 } == nil)
        #expect(names { $0.offset = .max } == nil)
        #expect(names { $0.offset = -1 } == nil)
        #expect(names { $0.fileSize = 1 << 40 } == nil)
        #expect(names { $0.fileMode = 0o120_000 } == nil)
        #expect(names { $0.uid = -1 } == nil)
    }
}
