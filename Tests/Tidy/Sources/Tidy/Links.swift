// SPDX-License-Identifier: Apache-2.0
import Foundation

/// Links in Markdown that lead nowhere.
public enum Links {
    /// The relative links of a document, with their lines.
    public static func targets(in text: String) -> [(line: Int, target: String)] {
        var targets: [(Int, String)] = []
        for (index, line) in prose(text).enumerated() {
            for match in line.matches(of: /\]\(([^)\s]+)(?:\s+"[^"]*")?\)/) {
                targets.append((index + 1, String(match.1)))
            }
            if let match = line.firstMatch(of: /^\[[^\]]+\]:\s+(\S+)/) { targets.append((index + 1, String(match.1))) }
        }
        return targets.filter { $0.1.firstMatch(of: /^[a-z][a-z0-9+.-]*:/) == nil }
    }

    /// The anchors that headings make, as the usual hosts build them.
    public static func anchors(in text: String) -> Set<String> {
        var anchors: Set<String> = []
        for line in prose(text, withInlineCode: true) {
            guard let match = line.firstMatch(of: /^#{1,6}\s+(.*)$/) else { continue }
            let words = match.1.lowercased().filter {
                $0.isLetter || $0.isNumber || $0 == " " || $0 == "-" || $0 == "_"
            }
            anchors.insert(words.trimmingCharacters(in: .whitespaces).replacing(" ", with: "-"))
        }
        return anchors
    }

    /// Links of a document that lead to no file, folder or heading.
    public static func findings(in path: String, tree: Tree) throws -> [Finding] {
        let text = try tree.text(path)
        var findings: [Finding] = []
        for (line, target) in targets(in: text) {
            let parts = target.split(separator: "#", maxSplits: 1, omittingEmptySubsequences: false)
            var file = path
            if !parts[0].isEmpty {
                let folder = (path as NSString).deletingLastPathComponent
                file = normalized(parts[0].hasPrefix("/") ? String(parts[0].dropFirst()) : "\(folder)/\(parts[0])")
                guard file.isEmpty || tree.contains(file) else {
                    findings.append(
                        Finding(path, line: line, "link to \(target): no such file; links are relative to the document")
                    )
                    continue
                }
            }
            if parts.count == 2, file.hasSuffix(".md"), !anchors(in: try tree.text(file)).contains(String(parts[1])) {
                findings.append(Finding(path, line: line, "link to \(target): \(file) has no such heading"))
            }
        }
        return findings
    }

    /// The lines, those of code blocks emptied, and inline code unless it is asked for.
    private static func prose(_ text: String, withInlineCode: Bool = false) -> [String] {
        var isCode = false
        return text.split(separator: "\n", omittingEmptySubsequences: false).map { line -> String in
            if line.drop(while: { $0 == " " }).hasPrefix("```") {
                isCode.toggle()
                return ""
            }
            if isCode { return "" }
            return withInlineCode ? String(line) : String(line.replacing(/`[^`]*`/, with: ""))
        }
    }

    private static func normalized(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") where part != "." {
            if part == ".." { _ = parts.popLast() } else { parts.append(part) }
        }
        return parts.joined(separator: "/")
    }
}
