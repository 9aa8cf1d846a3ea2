// SPDX-License-Identifier: Apache-2.0
import Testing
import Tidy

@Suite struct CodeTests {
    let tree: Tree

    init() throws { tree = try Repository.tree.get() }

    @Test("a target imports only what its row in Layers.swift allows")
    func imports() throws {
        for (target, source) in try tree.shippedSources() {
            Repository.expectNone(Layers.findings(in: source, target: target))
        }
    }

    @Test("nothing in shipped code traps")
    func traps() throws {
        // Test support runs in tests and fuzzers only, where a trap is a finding.
        for (target, source) in try tree.shippedSources() where !target.hasSuffix("TestSupport") {
            Repository.expectNone(Traps.findings(in: source))
        }
    }

    @Test("every public declaration says what the caller gets")
    func documentation() throws {
        for (_, source) in try tree.shippedSources() {
            Repository.expectNone(Documentation.findings(in: source))
        }
    }

    @Test("who says what one parameter is says it of all")
    func parameters() throws {
        for (_, source) in try tree.shippedSources() where source.path.hasPrefix("Packages/") {
            Repository.expectNone(ParameterDocumentation.findings(in: source))
        }
    }

    @Test("tests see the public interface only")
    func testableImports() throws {
        for path in tree.paths where path.hasSuffix("Tests.swift") && path.hasPrefix("Packages/") {
            let source = SwiftSource(path: path, text: try tree.text(path))
            for (index, line) in source.code.enumerated() where line.contains("@testable") {
                Repository.expectNone([
                    Finding(path, line: index + 1, "@testable: test the public interface, or make the symbol `package`")
                ])
            }
        }
    }

    @Test("C modules are named after their Swift module, and are small")
    func cModules() throws {
        for package in tree.packages {
            let folders = tree.folders(in: "\(package)/Sources")
            for folder in folders {
                let files = tree.paths.filter { $0.hasPrefix("\(package)/Sources/\(folder)/") }
                let isC = !files.contains { $0.hasSuffix(".swift") || $0.hasSuffix("module.modulemap") }
                guard isC, !files.isEmpty else { continue }
                let path = "\(package)/Sources/\(folder)"
                let subject = folder.dropFirst()
                let isNamedAfter =
                    folders.contains(where: { subject.hasPrefix($0) })
                    || subject.lowercased().hasPrefix(package.split(separator: "/").last ?? "")
                if !folder.hasPrefix("C") || !isNamedAfter {
                    Repository.expectNone([
                        Finding(path, "name it C<Module>, after a Swift module of the package or the package")
                    ])
                }
                var count = 0
                for file in files where Files.isSource(file) {
                    let text = try tree.text(file)
                    count += text.split(separator: "\n").count
                    if text.contains("#define _GNU_" + "SOURCE"), file.hasSuffix(".h"), !package.hasSuffix("guest-init")
                    {
                        Repository.expectNone([
                            Finding(
                                file, "_GNU_SOURCE changes types that Glibc defines too: declare the functions by hand")
                        ])
                    }
                }
                let maximum = Files.longCModules[folder] ?? Files.maximumCLines
                if count > maximum, !package.hasSuffix("guest-init") {
                    Repository.expectNone([
                        Finding(path, "\(count) lines of C, at most \(maximum): C only where Swift cannot")
                    ])
                }
            }
        }
    }
}
