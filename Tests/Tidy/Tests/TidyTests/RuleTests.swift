// SPDX-License-Identifier: Apache-2.0
import Testing
import Tidy

/// The rules find what they are for, and leave the rest alone.
@Suite struct RuleTests {
    private func source(_ text: String) -> SwiftSource { SwiftSource(path: "x.swift", text: text) }

    @Test(
        "traps are found",
        arguments: [
            "let a = try! f()", "let b = c as! D", "fatalError()", "x!.y", "f(x!)", "a[0]!", "g()!", "var x: Int!",
            "unowned(unsafe) let x: Y", "precondition(x)", "preconditionFailure()", "assert(x)", "\"\"; x!",
        ]
    )
    func findsTraps(_ line: String) {
        #expect(Traps.findings(in: source(line)).count == 1, "\(Traps.findings(in: source(line)))")
    }

    @Test(
        "what is no trap is left alone",
        arguments: [
            "if a != b {", "if !a {", "return !a", "(!a)", "#if !DEBUG", "\"what!\"", "// no!", "/* x! */ let a = 1",
            "let a = #\"x!\"#", "let a = \"\\(b[\"c\"] ?? 0)!\"", "try f()", "x as? Y", "myPrecondition(x)", "a!=b",
            "let m = \"\"\"\n  x!\n  \"\"\"", "let a = b!  // invariant: set in init",
            "// invariant: never nil\nlet a = b!",
        ]
    )
    func leavesAlone(_ line: String) {
        #expect(Traps.findings(in: source(line)) == [])
    }

    @Test("imports outside of the row are found")
    func imports() {
        #expect(
            Layers.findings(in: source("internal import Glibc\npublic import VMMSysUtil"), target: "VMMemory") == [])
        #expect(Layers.findings(in: source("import CVMMemory"), target: "VMMemory") == [])
        #expect(Layers.findings(in: source("import Foundation"), target: "VMMemory").count == 1)
        #expect(Layers.findings(in: source("import struct FoundationEssentials.Data"), target: "VMMemory").count == 1)
        #expect(Layers.findings(in: source("import KVMIoctls"), target: "VirtioDevices").count == 1)
        #expect(Layers.findings(in: source("@preconcurrency import KVMIoctls"), target: "VirtioDevices").count == 1)
        #expect(Layers.findings(in: source("// import KVMIoctls"), target: "VirtioDevices") == [])
        #expect(Layers.findings(in: source(""), target: "Unheard").count == 1)
    }

    @Test(
        "public declarations without a comment are found",
        arguments: [
            "public func f() {}", "public let a = 1", "public func `if`() {", "@inlinable\npublic func f() {}",
            "open class C {}",
            "/// Doc.\npublic enum E {\n    case a\n}", "/// Doc.\npublic protocol P {\n    func f()\n}",
            "// Not a doc comment.\npublic struct S {}", "public private(set) var x = 1",
            "public static let shared = 1",
            "public init?(x: Int) {", "public subscript(i: Int) -> Int {", "@discardableResult public func f() {",
        ]
    )
    func findsUndocumented(_ text: String) {
        #expect(Documentation.findings(in: source(text)).count == 1)
    }

    @Test(
        "documented and internal declarations are left alone",
        arguments: [
            "/// Doc.\npublic func f() {}", "/// Doc.\n@inlinable\npublic func f() {}", "func f() {}",
            "public import X",
            "public static func < (a: A, b: A) -> Bool {", "public static func == (a: A, b: A) -> Bool {",
            "public func _f() {", "public var description: String {", "public func hash(into hasher: inout Hasher) {",
            "/// Doc.\npublic enum E: String {\n    case a = \"a phrase\"\n}",
            "enum E {\n    case a\n}", "/// Doc.\npublic enum E {\n    /// Doc.\n    case a\n}",
            "/// Doc.\npublic enum E {\n    /// Doc.\n    public var x: Int {\n        switch self {\n        case .a: 1\n        }\n    }\n}",
            "/// Doc.\npublic struct S {\n    let a = 1\n}", "struct S {\n    /// Doc.\n    public let a = 1\n}",
        ]
    )
    func leavesDocumented(_ text: String) {
        #expect(Documentation.findings(in: source(text)) == [])
    }

    @Test(
        "functions with parameters left out are found",
        arguments: [
            "/// Doc.\n/// - Parameter a: one.\npublic func f(a: Int, b: Int) {}",
            "/// Doc.\n/// - Parameters:\n///   - a: one.\n///   - c: three.\n@inlinable\npublic init?(a: Int, of b: (Int, Int), c: Int) {",
            "protocol P {\n    /// Doc.\n    /// - Parameter a: one.\n    func f(\n        _ a: Int, b: Int\n    )\n}",
        ]
    )
    func findsParameters(_ text: String) {
        #expect(ParameterDocumentation.findings(in: source(text)).count == 1)
    }

    @Test(
        "functions with all parameters documented, or none, or that nobody sees, are left alone",
        arguments: [
            "/// Doc.\npublic func f(a: Int, b: Int) {}",
            "/// Doc.\n/// - Parameters:\n///   - a: one.\n///   - b: two.\npublic func f<T: Q>(_ a: [T: Int], with b: (_ x: T, T) -> Int = { 0 }) {",
            "/// Doc.\n/// - Parameter a: one.\nfunc f(a: Int, b: Int) {\n}",
        ]
    )
    func leavesParameters(_ text: String) {
        #expect(ParameterDocumentation.findings(in: source(text)) == [])
    }

    @Test("licence and length")
    func files() {
        let mark = "// SPDX-License-" + "Identifier: Apache-2.0\n"
        #expect(Files.findings(in: "a.swift", text: mark) == [])
        #expect(Files.findings(in: "a.swift", text: "\n" + mark).count == 1)
        #expect(Files.findings(in: "Package.swift", text: "// tools\n" + mark) == [])
        #expect(Files.findings(in: "run", text: "#!/bin/sh\n").count == 1)
        #expect(Files.findings(in: "a.md", text: "text") == [])
        let lines = String(repeating: "\n", count: Files.maximumLines - 1)
        #expect(Files.findings(in: "a.swift", text: mark + lines) == [])
        #expect(Files.findings(in: "a.swift", text: mark + lines + "\n").count == 1)
    }

    @Test("searches that end what they read from are found")
    func earlyEnds() {
        for line in ["a | grep -q b", "a |grep -v -qE b", "a | grep -F -q b"] {
            #expect(Files.findings(in: "a.sh", text: line).count == 1)
        }
        for line in ["grep -q b a", "a | grep b > /dev/null", "a || grep -q b c", "a | grep -c q"] {
            #expect(Files.findings(in: "a.sh", text: line) == [])
        }
    }

    @Test("what does not belong into the repository")
    func tracked() {
        #expect(Files.findings(tracked: "Packages/a/.build/x", bytes: []).count == 1)
        #expect(Files.findings(tracked: "Package.resolved", bytes: []).count == 1)
        #expect(Files.findings(tracked: "a", bytes: [1, 0]).count == 1)
        #expect(Files.findings(tracked: "Packages/a/Corpus/b/c", bytes: [1, 0]) == [])
        #expect(Files.findings(tracked: "a", bytes: Array(("see /work" + "/main").utf8)).count == 1)
        #expect(Files.findings(tracked: "a", bytes: Array("cd $out/work/x".utf8)) == [])
    }

    @Test("links are found in prose, not in code")
    func links() {
        let text = """
            # A heading, with `code`
            [one](a.md) and [two](https://example.org) `[three](b.md)`
            ```
            [four](c.md)
            ```
            [five](#a-heading-with-code "title")
            """
        #expect(Links.targets(in: text).map(\.target) == ["a.md", "#a-heading-with-code"])
    }

    @Test("tests that a table names and nobody has are found, and nothing else is")
    func citations() {
        func findings(_ line: String) -> [String] {
            let suites = [
                "ATests": "@Test(\"the rule holds\")", "BTests": "Row(\"another\", 1)", "ModuleTests": "",
                "cases-a.sh": "check \"a guest boots\"",
            ]
            return Citations.findings(in: "a.md", text: "text\n" + line, suites: suites).map(\.message)
        }
        for line in [
            "| a | `ATests` \"the rule\" |", "| a | `ATests`, `BTests` \"another\", \"the rule holds\" |",
            "| a | `ModuleTests`; `Tests/One/cases-a.sh` \"guest boots\" |",
            "| `CTests` | a |", "`CTests` \"the rule\"", "| a | the \"rule\" |",
        ] {
            #expect(findings(line) == [])
        }
        #expect(findings("| a | `CTests`, `cases-b.sh` |").count == 2)
        #expect(findings("| a | `ATests` \"rule\" |").count == 1)
        #expect(findings("| a | `ATests` \"the rule\", \"another\" |").count == 1)
    }

    @Test("a tracked file of the tree is found, an ignored one is not")
    func tree() throws {
        let tree = try Repository.tree.get()
        #expect(tree.contains("Tests/Tidy/Package.swift"))
        #expect(!tree.paths.contains { $0.contains("/.build/") })
    }
}
