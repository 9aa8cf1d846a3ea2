// SPDX-License-Identifier: Apache-2.0
// Compiles policies to Swift: `make seccomp-filters`. What is confined so needs no compiler, no libseccomp and no files.
// With `--names` it writes the table of system calls by which violations are told.
internal import Glibc
internal import Seccompiler
internal import VMMSysUtil

/// The text of a policy's file.
func contents(of path: String) throws -> [UInt8] {
    let file = try FileDescriptor.open(path, .readOnly)
    var bytes = [UInt8](repeating: 0, count: Int(try file.byteCount()))
    var span = bytes.mutableSpan
    try span.withUnsafeMutableBytes { try file.readAll(into: $0, atOffset: 0) }
    return bytes
}

/// `drives_patch` as Swift spells it; an abbreviation keeps its capitals.
func memberName(_ name: String) -> String {
    let words = name.split(separator: "_")
    let rest = words.dropFirst().map { $0 == "api" ? "API" : $0.prefix(1).uppercased() + $0.dropFirst() }
    return words.prefix(1).joined() + rest.joined()
}

/// The declaration of one filter.
func declaration(_ name: String, _ program: BPFProgram, first: [UInt32], file: Substring) -> String {
    let numbers = program.instructions.map { "0x" + String($0.rawValue, radix: 16) }.joined(separator: ", ")
    let label = first.isEmpty ? "" : ", first: \(first)"
    return """

            /// `\(name)` of Policy/\(file).
            package static let \(memberName(name)) = FilterPiece("\(name)"\(label), [\(numbers)])

        """
}

/// The numbers of the calls of each thread in a histogram, the most frequent first. Its lines: thread, machine, count, call.
func firstCalls(ofHistogram text: String) throws(ReadError) -> [String: [UInt32]] {
    var counts: [String: [UInt32: UInt64]] = [:]
    for line in text.split(separator: "\n") where !line.hasPrefix("#") {
        let words = line.split(separator: " ").map(String.init)
        guard words.count > 3, let count = UInt64(words[2]), let number = Architecture.x86_64.syscallNumber(words[3])
        else { throw ReadError(line: String(line)) }
        counts[words[0], default: [:]][number, default: 0] += count
    }
    return counts.mapValues { $0.sorted { ($0.value, $1.key) > ($1.value, $0.key) }.map(\.key) }
}

/// A line of a histogram that is none.
struct ReadError: Error { let line: String }

/// The names of all system calls in the order of their numbers, `-` where there is none.
func nameTable() -> String {
    let names = (UInt32(0)..<512).map { Architecture.x86_64.syscallName($0) ?? "-" }
    var lines: [String] = [""]
    for name in names.prefix(1 + (names.lastIndex { $0 != "-" } ?? 0)) {
        if let last = lines.last, last.utf8.count + name.utf8.count > 100 { lines.append("") }
        lines[lines.count - 1] += (lines.last == "" ? "" : " ") + name
    }
    return lines.map { "        \($0)" }.joined(separator: "\n")
}

/// The Swift of the policies in these files; a histogram among them says what a thread's filter asks about first.
func filters(of paths: some Sequence<String>) throws -> String {
    var declarations = ""
    var members: [String] = []
    var first: [String: [UInt32]] = [:]
    for path in paths where path.hasSuffix(".txt") {
        first.merge(try firstCalls(ofHistogram: String(decoding: try contents(of: path), as: UTF8.self))) { $1 }
    }
    for path in paths where !path.hasSuffix(".txt") {
        let bytes = try contents(of: path)
        let policy = try bytes.withUnsafeBytes { try Policy(json: $0, architecture: .x86_64) }
        for entry in policy.entries {
            let program = try entry.filter.compile().program
            declarations += declaration(
                entry.name, program, first: first[entry.name] ?? [], file: path.split(separator: "/").last ?? "")
            members.append("." + memberName(entry.name))
        }
    }
    return """
        // SPDX-License-Identifier: Apache-2.0
        // Made from Policy/*.json: make seccomp-filters
        package import SeccompilerBPF

        extension FilterPiece {
            /// All of them.
            package static let all: [FilterPiece] = [\(members.joined(separator: ", "))]
        \(declarations)
        }
        """
}

/// The Swift of the table of names.
func names() -> String {
    """
    // SPDX-License-Identifier: Apache-2.0
    // Made from libseccomp's table: make seccomp-filters

    extension SystemCall {
        /// The names of x86_64's system calls in the order of their numbers, `-` where there is none.
        public static let names: StaticString = \"\"\"
    \(nameTable())
            \"\"\"
    }
    """
}

do {
    let words = CommandLine.arguments.dropFirst()
    print(words == ["--names"] ? names() : try filters(of: words))
} catch {
    let line = Array("SeccompilerFilters: \(error)\n".utf8)
    _ = write(2, line, line.count)
    exit(1)
}
