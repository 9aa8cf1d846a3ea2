// SPDX-License-Identifier: Apache-2.0
import Foundation
import Testing
import Tidy

@Suite struct ManifestTests {
    /// Programs for a guest are built with their own flags, and the container runtime fetches packages: a library's
    /// consumer must meet neither.
    static let apart: Set<String> = ["Runtimes/guest-init", "Runtimes/nest"]

    @Test("the root manifest and those of the packages say the same")
    func drift() async throws {
        let tree = try Repository.tree.get()
        let scratch = NSTemporaryDirectory() + "tidy-\(ProcessInfo.processInfo.processIdentifier)"
        defer { try? FileManager.default.removeItem(atPath: scratch) }
        let root = try Manifest(folder: tree.root, scratch: scratch)
        #expect(
            root.dependencies.isEmpty,
            "the root lists targets by path: who imports it by URL cannot follow a path dependency")

        var packages: [Manifest] = []
        for folder in tree.packages where !Self.apart.contains(folder) {
            let package = try Manifest(folder: "\(tree.root)/\(folder)", scratch: scratch)
            packages.append(package)
            Repository.expectNone(ManifestDrift.findings(root: root, package: package, folder: folder))
            if !folder.hasSuffix("/" + package.name) {
                Repository.expectNone([Finding("\(folder)/Package.swift", "name it after its folder")])
            }
        }
        Repository.expectNone(ManifestDrift.orphans(root: root, packages: packages))

        // SwiftPM lets a target import what its dependencies depend on, until one of them stops to.
        let modules = Set(root.targets.map(\.name))
        for (name, source) in try tree.shippedSources() {
            guard let target = root.targets.first(where: { $0.name == name }) else { continue }
            for (line, module) in Layers.imports(of: source) where modules.contains(module) {
                if target.dependencies.contains(module) { continue }
                Repository.expectNone([
                    Finding(
                        source.path, line: line, "imports \(module), which \(name) does not declare as a dependency")
                ])
            }
        }
    }

    @Test("manifests hold nothing that a consumer would stumble over")
    func contents() throws {
        let tree = try Repository.tree.get()
        for path in tree.paths where path.hasSuffix("Package.swift") && !Self.apart.contains(String(path.dropLast(14)))
        {
            let text = try tree.text(path)
            var findings: [Finding] = []
            if !text.hasPrefix("// swift-tools-version: 6.2\n") {
                findings.append(Finding(path, line: 1, "begin with // swift-tools-version: 6.2"))
            }
            if text.contains("pkgConfig" + ":") {
                findings.append(
                    Finding(path, "pkgConfig prints advice to every consumer: name the library in the module map"))
            }
            // Benchmarks are packages that nobody depends on.
            if text.contains("unsafe" + "Flags"), !path.contains("/Benchmarks/") {
                findings.append(Finding(path, "flags for a whole program belong on the command line, in the Makefile"))
            }
            if path.hasPrefix("Packages/"), text.contains(".package(url" + ":") {
                findings.append(Finding(path, "a package fetches nothing: name it in a trait that is off by default"))
            }
            Repository.expectNone(findings)
        }
    }
}
