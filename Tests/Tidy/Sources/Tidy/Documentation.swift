// SPDX-License-Identifier: Apache-2.0

/// Public declarations without a doc comment, found by indentation and keywords: the formatter keeps both in shape.
public enum Documentation {
    private static let keywords: Set<Substring> = [
        "func", "var", "let", "init", "init?", "struct", "class", "enum", "protocol", "actor", "typealias", "subscript",
        "case", "associatedtype", "macro", "operator",
    ]
    /// What protocols of the standard library demand, and document.
    private static let witnesses: Set<Substring> = [
        "description", "debugDescription", "testDescription", "hash", "next", "makeIterator",
    ]
    private static let modifiers: Set<Substring> = [
        "public", "open", "static", "final", "mutating", "nonmutating", "consuming", "borrowing", "indirect",
        "override",
        "convenience", "required", "lazy", "weak", "nonisolated", "isolated", "class", "unsafe", "prefix", "postfix",
        "infix",
        "private(set)", "internal(set)", "package(set)", "fileprivate(set)", "nonisolated(unsafe)", "dynamic",
        "optional",
    ]

    /// Declarations in a file that promise something and say not what. Names that begin with an underscore promise
    /// nothing, and an operator says itself what it is.
    public static func findings(in source: SwiftSource) -> [Finding] {
        var findings: [Finding] = []
        /// Where public enums and protocols begin: their members are public without saying so.
        var open: [(indentation: Int, kind: Substring, isPublic: Bool)] = []
        for (index, line) in source.code.enumerated() {
            let body = line.drop { $0 == " " }
            guard !body.isEmpty else { continue }
            let indentation = line.count - body.count
            while let last = open.last, indentation <= last.indentation { open.removeLast() }

            let words = body.split(whereSeparator: { " (<:{".contains($0) }).filter { !$0.hasPrefix("@") }
            let head = body.split(separator: " ").filter { !$0.hasPrefix("@") }
            guard let keyword = declarationKeyword(in: words) else { continue }
            let isMember = open.last.map { $0.isPublic && indentation == $0.indentation + 4 } ?? false
            let isPublic =
                head.prefix { modifiers.contains($0) }.contains { $0 == "public" || $0 == "open" }
                || (isMember && open.last?.kind == "protocol")
                || (isMember && open.last?.kind == "enum" && keyword == "case")
            if ["enum", "protocol", "struct", "class", "actor", "func", "var", "init", "subscript", "extension"]
                .contains(keyword),
                body.contains("{") || !body.contains("}")
            {
                open.append((indentation, keyword, isPublic))
            }
            // A case whose raw value is a phrase says itself what it is.
            let name = head.drop { $0 != keyword && !$0.hasPrefix("\(keyword)(") }.dropFirst().first ?? ""
            let saysItself =
                keyword == "case" && source.lines[index].contains(" = \"")
                || name.hasPrefix("_") || witnesses.contains(name.prefix { $0.isLetter })
                || (keyword == "func" && name.first.map { !$0.isLetter && $0 != "`" } ?? true)
            if isPublic, !saysItself, !isDocumented(source, index) {
                let name = source.lines[index].drop { $0 == " " }.prefix(60)
                findings.append(
                    Finding(
                        source.path, line: index + 1, "`\(name)` has no doc comment: say what the caller gets (///)"))
            }
        }
        return findings
    }

    private static func declarationKeyword(in words: [Substring]) -> Substring? {
        for word in words {
            if word == "extension" { return word }
            // `class` is a modifier in front of func and var only.
            if keywords.contains(word), !(word == "class" && words.dropFirst().contains { $0 == "func" || $0 == "var" })
            {
                return word
            }
            if !modifiers.contains(word),
                !["set)", "unsafe)", "private", "internal", "package", "fileprivate"].contains(word)
            {
                return nil
            }
        }
        return nil
    }

    private static func isDocumented(_ source: SwiftSource, _ index: Int) -> Bool {
        var above = index - 1
        while above >= 0 {
            let line = source.lines[above].drop { $0 == " " }
            if line.hasPrefix("///") || line.hasPrefix("*/") { return true }
            // Attributes and conditions of compilation may stand between the comment and the declaration.
            guard line.hasPrefix("@") || line.hasPrefix("#if") || line.hasPrefix("// ") else { return false }
            above -= 1
        }
        return false
    }
}
