// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Rules about files as such.
public enum Files {
    /// The most lines that a source file may have.
    public static let maximumLines = 400
    /// The most lines that all of a C module may have.
    public static let maximumCLines = 150
    /// Modules that may have more, because Swift must not run where they do: between a clone and an exec, or in a thread
    /// whose namespaces have changed; and the system calls of a guest's first process, which Glibc's module lacks.
    public static let longCModules = ["CNestJail": 320, "CNestAgent": 180, "CNestResources": 180]
    /// The largest file of a fuzzing corpus, in bytes.
    public static let maximumCorpusBytes = 1 << 16

    private static let mark = "SPDX-License-" + "Identifier: Apache-2.0"

    /// Whether a path is that of source code.
    public static func isSource(_ path: String) -> Bool {
        [".swift", ".c", ".h"].contains { path.hasSuffix($0) }
    }

    /// Whether a file was made by a generator, from sources that are here too.
    public static func isGenerated(_ path: String) -> Bool { path.hasSuffix(".pb.swift") }

    /// Licence line and length.
    public static func findings(in path: String, text: String) -> [Finding] {
        let isScript = text.hasPrefix("#!")
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        var findings = isScript || path.hasSuffix(".sh") ? earlyEnds(path, lines) : []
        guard isSource(path) || isScript else { return findings }
        // A manifest must begin with its tools version, a script with its interpreter.
        let allowed = isScript || path.hasSuffix("Package.swift") ? 2 : 1
        if !lines.prefix(allowed).contains(where: { $0.contains(mark) }) {
            findings.append(Finding(path, line: 1, "the first line must hold \(mark)"))
        }
        let count = lines.last == "" ? lines.count - 1 : lines.count
        if count > maximumLines, !isGenerated(path) {
            findings.append(
                Finding(path, line: count, "\(count) lines: past \(maximumLines) a file has two subjects, make it two"))
        }
        return findings
    }

    /// Lines of a script in which a search ends at its first hit, and who still writes to it fails.
    private static func earlyEnds(_ path: String, _ lines: [Substring]) -> [Finding] {
        lines.enumerated().filter { $0.element.contains(#/[^|]\|\s*grep( -\w+)* -\w*q/#) }.map {
            Finding(
                path, line: $0.offset + 1,
                "with pipefail, `| grep -q` may fail at a hit: send what it prints to /dev/null")
        }
    }

    /// What does not belong into the repository, by name and content.
    public static func findings(tracked path: String, bytes: [UInt8]) -> [Finding] {
        let parts = path.split(separator: "/")
        if parts.contains(".build") || parts.last == "Package.resolved" {
            return [Finding(path, "is made by a build: git rm --cached it")]
        }
        // Corpora are bytes by nature; they stay small.
        if parts.count > 3, ["Packages", "Runtimes"].contains(parts[0]), parts[2] == "Corpus" {
            return bytes.count <= maximumCorpusBytes
                ? [] : [Finding(path, "\(bytes.count) bytes: minimise it to \(maximumCorpusBytes) (-minimize_crash=1)")]
        }
        if bytes.contains(0) {
            return [Finding(path, "is binary: build it in the test, or write it as text")]
        }
        return foreignPaths(path, String(decoding: bytes, as: UTF8.self))
    }

    /// Paths of the machine that something was written on.
    private static func foreignPaths(_ path: String, _ text: String) -> [Finding] {
        var findings: [Finding] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            // In the guest's init /root is where the new root is mounted.
            let folders = path.hasPrefix("Runtimes/guest-init/") ? ["/work" + "/"] : ["/work" + "/", "/root" + "/"]
            for folder in folders {
                guard let range = line.range(of: folder) else { continue }
                let before = line[..<range.lowerBound].last
                // `.../work/`, `$x/work/` and `\(x)/work/` are parts of longer paths.
                if let before, before.isLetter || before.isNumber || "._-})/$*".contains(before) { continue }
                findings.append(
                    Finding(path, line: index + 1, "\(folder) is a path of one machine: take it from the caller"))
            }
        }
        return findings
    }
}
