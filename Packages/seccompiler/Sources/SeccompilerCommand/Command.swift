// SPDX-License-Identifier: Apache-2.0
internal import Seccompiler

/// The program `seccompiler`.
public enum Command {
    /// What the program printed, and its exit status: 0 done, 1 failed or found something, 2 wrong usage.
    public struct Result: Equatable, Sendable {
        /// Standard output.
        public var output = ""
        /// Standard error.
        public var errors = ""
        /// Exit status.
        public var status: Int32 = 0

        /// A result.
        public init(output: String = "", errors: String = "", status: Int32 = 0) {
            self.output = output
            self.errors = errors
            self.status = status
        }
    }

    /// How the program is called.
    public static let usage = """
        usage: seccompiler --input-file POLICY [--target-arch ARCH] [--output-file FILE] [--basic]
               seccompiler explain POLICY [--target-arch ARCH] [--filter NAME] SYSCALL [ARG...]
               seccompiler check POLICY [--target-arch ARCH]
               seccompiler disassemble FILE
               seccompiler constants [--target-arch ARCH]

        Compiles seccomp policies in JSON to BPF, and tells what a filter does.
          --input-file FILE    the policy
          --target-arch ARCH   x86_64, aarch64 or riscv64; without it, this machine's
          --output-file FILE   where the programs go; without it, seccomp_binary_filter.out
          --basic              leaves out all conditions, and the rules' own actions
          --filter NAME        which filter of the policy, if it has several
        SYSCALL is a name or a number, each ARG a number, 0x and a hexadecimal one, or names of constants with | between.

        """

    /// Runs the program with these arguments, the program's name not among them.
    public static func run(_ arguments: [String]) -> Result {
        do throws(CommandError) {
            return try dispatch(arguments)
        } catch {
            switch error {
            case .usage(let text): return Result(errors: "seccompiler: \(text)\n\(usage)", status: 2)
            case .failed(let text): return Result(errors: "seccompiler: \(text)\n", status: 1)
            }
        }
    }

    private static func dispatch(_ arguments: [String]) throws(CommandError) -> Result {
        guard let first = arguments.first else { throw .usage("no arguments") }
        let rest = Array(arguments.dropFirst())
        switch first {
        case "--help", "-h": return Result(output: usage)
        case "explain": return try explain(Options(rest, allowed: ["--target-arch", "--filter"]))
        case "check": return try check(Options(rest, allowed: ["--target-arch"]))
        case "disassemble": return try disassemble(Options(rest, allowed: []))
        case "constants": return try constants(Options(rest, allowed: ["--target-arch"]))
        default:
            return try compile(
                Options(arguments, allowed: ["--input-file", "--target-arch", "--output-file"], flags: ["--basic"]))
        }
    }
}

/// Why the program ends with an error.
enum CommandError: Error {
    /// It was called wrongly.
    case usage(String)
    /// It could not do it.
    case failed(String)
}

/// Arguments, told apart. A value follows its option, or stands behind `=`.
struct Options {
    private(set) var values: [String: String] = [:]
    private(set) var positional: [String] = []

    init(_ arguments: [String], allowed: Set<String>, flags: Set<String> = []) throws(CommandError) {
        var rest = arguments[...]
        while let argument = rest.popFirst() {
            guard argument.hasPrefix("--") else {
                positional.append(argument)
                continue
            }
            let parts = argument.split(separator: "=", maxSplits: 1).map(String.init)
            let name = parts.first ?? argument
            let value: String
            if flags.contains(name), parts.count == 1 {
                value = ""
            } else if allowed.contains(name) {
                guard let given = parts.count > 1 ? parts[1] : rest.popFirst() else {
                    throw .usage("\(name) needs a value")
                }
                value = given
            } else {
                throw .usage("unknown option \(argument)")
            }
            guard values.updateValue(value, forKey: name) == nil else { throw .usage("\(name) given twice") }
        }
    }

    func has(_ flag: String) -> Bool { values[flag] != nil }

    func architecture() throws(CommandError) -> Architecture {
        guard let name = values["--target-arch"] else {
            guard let native = Architecture.native else { throw .usage("--target-arch is needed on this machine") }
            return native
        }
        guard let architecture = Architecture(rawValue: name) else { throw .usage("unknown architecture \(name)") }
        return architecture
    }
}
