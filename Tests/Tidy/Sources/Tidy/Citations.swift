// SPDX-License-Identifier: Apache-2.0

/// Tests that a table of a document names: each must be there, or the promise beside it is held by nobody.
///
/// A suite stands in backquotes, `` `QueueTests` `` or `` `cases-boot.sh` ``; behind it a test, or a row of its table, by
/// words of its name in quotation marks: the first ones, in a suite of Swift.
public enum Citations {
    /// What the last columns of a document's tables name and nobody has.
    /// - Parameters:
    ///   - path: where the document is.
    ///   - text: the document.
    ///   - suites: the source of each suite, by the name of its file, without `.swift`, or of its module.
    public static func findings(in path: String, text: String, suites: [String: String]) -> [Finding] {
        var findings: [Finding] = []
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            guard line.hasPrefix("|"), let cell = line.dropLast().split(separator: "|").last else { continue }
            var cited: [String] = []
            for match in cell.matches(of: /`(?:[\w\/]+\/)?(\w+Tests|[\w-]+\.sh)`|"([^"]+)"/) {
                if let suite = match.1.map(String.init) {
                    cited.append(suite)
                    if suites[suite] == nil {
                        findings.append(Finding(path, line: index + 1, "`\(suite)` is no suite of tests"))
                    }
                } else if let words = match.2, !cited.isEmpty,
                    !cited.contains(where: {
                        suites[$0, default: ""].contains(($0.hasSuffix(".sh") ? "" : "\"") + words)
                    })
                {
                    findings.append(
                        Finding(
                            path, line: index + 1, "no test of \(cited.joined(separator: ", ")) is called “\(words)”"))
                }
            }
        }
        return findings
    }

    /// The suites of a repository.
    public static func suites(of tree: Tree) throws -> [String: String] {
        var suites: [String: String] = [:]
        for path in tree.paths where "/\(path)".contains("/Tests/") {
            guard path.hasSuffix(".swift") || path.hasSuffix(".sh") else { continue }
            let text = try tree.text(path)
            for name in path.replacing(".swift", with: "").split(separator: "/").suffix(2) {
                suites[String(name), default: ""] += text
            }
        }
        return suites
    }
}
