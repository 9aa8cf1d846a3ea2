// SPDX-License-Identifier: Apache-2.0

/// Functions of which some parameters are documented and others not. DocC warns of them, and `make docs` fails.
public enum ParameterDocumentation {
    /// One finding for each public function, or requirement of a protocol, that leaves a parameter out.
    public static func findings(in source: SwiftSource) -> [Finding] {
        var findings: [Finding] = []
        for index in source.code.indices {
            let words = source.code[index].split(whereSeparator: { " (<[".contains($0) })
            guard words.contains(where: { ["func", "init", "init?", "subscript"].contains($0) }) else { continue }
            let documented = documentedNames(above: index, in: source)
            guard !documented.isEmpty, let signature = signature(from: index, in: source) else { continue }
            guard words.contains("public") || !signature.hasBody else { continue }
            for name in signature.names where !documented.contains(name) {
                findings.append(
                    Finding(
                        source.path, line: index + 1,
                        "parameter \(name) has no line, but others have: say what it is, or nothing of any"))
            }
        }
        return findings
    }

    /// The names in the lines `- Parameter name:` and, below `- Parameters:`, `  - name:`.
    private static func documentedNames(above index: Int, in source: SwiftSource) -> Set<Substring> {
        var names: Set<Substring> = []
        for line in source.lines[..<index].reversed() {
            let text = line.drop { $0 == " " }
            if text.hasPrefix("@") { continue }
            guard text.hasPrefix("///") else { break }
            if let match = text.firstMatch(of: /^\/\/\/ (?:- Parameter |  - )(\w+):/) { names.insert(match.1) }
        }
        return names
    }

    /// The parameters' names inside a function, and whether a body follows.
    private static func signature(from index: Int, in source: SwiftSource) -> (names: [Substring], hasBody: Bool)? {
        var depth = 0
        var pieces: [String] = [""]
        for (offset, line) in source.code[index...].enumerated() {
            for (position, character) in zip(line.indices, line) {
                if "([{".contains(character) { depth += 1 }
                if ")]}".contains(character) { depth -= 1 }
                if depth == 1, character == "," {
                    pieces.append("")
                } else if depth >= 1, !(depth == 1 && character == "(") {
                    pieces[pieces.count - 1].append(character)
                }
                guard depth == 0, character == ")" else { continue }
                let names = pieces.compactMap { piece -> Substring? in
                    guard let label = piece.split(separator: ":").first else { return nil }
                    return Substring(label.split(separator: " ").last.map(String.init) ?? "")
                }
                let rest = line[position...] + (source.code.dropFirst(index + offset + 1).first ?? "")
                return (names.filter { !$0.isEmpty }, rest.contains("{"))
            }
            guard offset < 20 else { return nil }
        }
        return nil
    }
}
