// SPDX-License-Identifier: Apache-2.0
import Testing
import Tidy

@Suite struct FilesTests {
    let tree: Tree

    init() throws { tree = try Repository.tree.get() }

    @Test("every source has its licence in the first line, and one subject")
    func sources() throws {
        for path in tree.paths { Repository.expectNone(Files.findings(in: path, text: try tree.text(path))) }
    }

    @Test("nothing that was built, no binary and no path of one machine is tracked")
    func tracked() throws {
        for path in tree.paths { Repository.expectNone(Files.findings(tracked: path, bytes: try tree.bytes(path))) }
    }

    @Test("every link in a document leads somewhere")
    func links() throws {
        for path in tree.paths where path.hasSuffix(".md") {
            Repository.expectNone(try Links.findings(in: path, tree: tree))
        }
    }

    @Test("every test that a table names is there")
    func citations() throws {
        let suites = try Citations.suites(of: tree)
        for path in tree.paths where path.hasSuffix(".md") {
            Repository.expectNone(Citations.findings(in: path, text: try tree.text(path), suites: suites))
        }
    }

    @Test("nothing is at the top level without a reason")
    func topLevel() {
        let known: Set<String> = [
            ".ci", ".gitignore", ".swift-format", "CONTRIBUTING.md", "Examples", "Fuzz", "LICENSE", "Makefile",
            "Package.swift",
            "Packages", "README.md", "Runtimes", "THIRD-PARTY.md", "Tests", "docs",
        ]
        let present = Set(tree.paths.map { String($0.prefix { $0 != "/" }) })
        for name in present.subtracting(known).sorted() {
            Repository.expectNone([Finding(name, "is new at the top level: move it into a folder that fits")])
        }
        for name in known.subtracting(present).sorted() { Repository.expectNone([Finding(name, "is missing")]) }
    }

    @Test("every package has a manifest, a README with an example, a changelog and tests")
    func packages() throws {
        for name in tree.folders(in: "Packages") {
            let package = "Packages/\(name)"
            for file in ["Package.swift", "README.md", "CHANGELOG.md", "Tests"]
            where !tree.contains("\(package)/\(file)") {
                Repository.expectNone([Finding(package, "lacks \(file)")])
            }
            if tree.contains("\(package)/README.md"), !(try tree.text("\(package)/README.md")).contains("```swift\n") {
                Repository.expectNone([
                    Finding("\(package)/README.md", "lacks an example: ten lines of Swift that work")
                ])
            }
            if tree.contains("\(package)/CHANGELOG.md"),
                !(try tree.text("\(package)/CHANGELOG.md")).contains("\n## Unreleased\n")
            {
                Repository.expectNone([Finding("\(package)/CHANGELOG.md", "lacks the heading `## Unreleased`")])
            }
        }
    }
}
