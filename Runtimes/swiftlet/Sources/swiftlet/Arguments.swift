// SPDX-License-Identifier: Apache-2.0
import SwiftletVMM

/// What the command line asks for.
enum Invocation: Equatable {
    case help
    case version
    case run(RunArguments)
    case initramfs(InitramfsArguments)
    case api(APIArguments)
}

/// `swiftlet run`.
struct RunArguments: Equatable {
    var kernel = ""
    var initrd: String?
    var commandLine = ""
    var memoryBytes: UInt64 = 256 << 20
    var cpuCount = 1
    var offersPackedRings = false
    var drives: [DriveConfig] = []
    var rootfs: String?
    var resultFile: String?
    var consoleFile: String?
    var command: [String] = []
    var sandbox = SandboxArguments()
}

/// `swiftlet initramfs`.
struct InitramfsArguments: Equatable {
    var initProgram = ""
    var modulesDirectory = ""
    var output = ""
}

/// A command line that cannot be understood, and what to do about it.
struct UsageError: Error, Equatable, CustomStringConvertible {
    let description: String
    /// Whether it was a command line without a verb, which has exit statuses of its own.
    let isOfAPI: Bool

    init(_ description: String, isOfAPI: Bool = false) {
        self.description = description
        self.isOfAPI = isOfAPI
    }
}

extension Invocation {
    /// Parses the arguments behind the program's name.
    static func parse(_ arguments: [String]) throws(UsageError) -> Invocation {
        guard let verb = arguments.first else {
            throw UsageError("say what to do: run, initramfs, --api-sock or --help")
        }
        if arguments.prefix(while: { $0 != "--" }).contains(where: { $0 == "--help" || $0 == "-h" }) { return .help }
        switch verb {
        case "--version": return .version
        case "run": return .run(try parseRun(arguments.dropFirst()))
        case "initramfs": return .initramfs(try parseInitramfs(arguments.dropFirst()))
        case _ where verb.hasPrefix("--"): return .api(try APIArguments(arguments[...]))
        default: throw UsageError("unknown command '\(verb)'; there are run and initramfs")
        }
    }

    private static func parseRun(_ arguments: ArraySlice<String>) throws(UsageError) -> RunArguments {
        var run = RunArguments()
        var options = OptionReader(arguments)
        while let option = options.next() {
            switch option {
            case "--kernel": run.kernel = try options.value()
            case "--initrd": run.initrd = try options.value()
            case "--cmdline": run.commandLine = try options.value()
            case "--memory": run.memoryBytes = try size(try options.value())
            case "--cpus": run.cpuCount = try count(try options.value())
            case "--packed-rings": run.offersPackedRings = true
            case "--drive": run.drives.append(try drive(try options.value()))
            case "--rootfs": run.rootfs = try options.value()
            case "--result": run.resultFile = try options.value()
            case "--console": run.consoleFile = try options.value()
            case "--": run.command = options.rest()
            case _ where try run.sandbox.take(option, from: &options): break
            default: throw UsageError("unknown option '\(option)'; see swiftlet --help")
            }
        }
        if run.kernel.isEmpty { throw UsageError("--kernel FILE is missing") }
        if run.rootfs != nil && run.command.isEmpty { throw UsageError("--rootfs needs a command behind --") }
        if run.rootfs == nil && !run.command.isEmpty { throw UsageError("a command needs --rootfs DIR to run in") }
        if run.rootfs != nil && run.initrd == nil {
            throw UsageError("--rootfs needs --initrd FILE, made by: swiftlet initramfs")
        }
        return run
    }

    private static func parseInitramfs(_ arguments: ArraySlice<String>) throws(UsageError) -> InitramfsArguments {
        var result = InitramfsArguments()
        var options = OptionReader(arguments)
        while let option = options.next() {
            switch option {
            case "--init": result.initProgram = try options.value()
            case "--modules": result.modulesDirectory = try options.value()
            case "--output": result.output = try options.value()
            default: throw UsageError("unknown option '\(option)'; see swiftlet --help")
            }
        }
        for (value, name) in [
            (result.initProgram, "--init FILE"), (result.modulesDirectory, "--modules DIR"),
            (result.output, "--output FILE"),
        ] where value.isEmpty {
            throw UsageError("\(name) is missing")
        }
        return result
    }

    /// A number of bytes with an optional K, M or G.
    private static func size(_ text: String) throws(UsageError) -> UInt64 {
        let shifts: [Character: UInt64] = ["K": 10, "k": 10, "M": 20, "m": 20, "G": 30, "g": 30]
        let shift = text.last.flatMap { shifts[$0] }
        let digits = shift == nil ? text[...] : text.dropLast()
        guard let number = UInt64(digits) else {
            throw UsageError("'\(text)' is not a size; write 256M or 2G")
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: 1 << (shift ?? 0))
        if overflow { throw UsageError("'\(text)' is too large") }
        return bytes
    }

    private static func count(_ text: String) throws(UsageError) -> Int {
        guard let number = Int(text) else { throw UsageError("'\(text)' is not a number of CPUs") }
        return number
    }

    /// `FILE` or `FILE,ro`.
    private static func drive(_ text: String) throws(UsageError) -> DriveConfig {
        let isReadOnly = text.hasSuffix(",ro")
        let path = isReadOnly ? String(text.dropLast(3)) : text
        if path.isEmpty { throw UsageError("--drive needs a file") }
        return DriveConfig(path: path, isReadOnly: isReadOnly)
    }
}

/// Walks `--name value` and `--name=value`.
struct OptionReader {
    private var arguments: ArraySlice<String>
    private var option = ""
    private var attached: String?

    init(_ arguments: ArraySlice<String>) { self.arguments = arguments }

    mutating func next() -> String? {
        guard let argument = arguments.popFirst() else { return nil }
        let parts = argument.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
        if argument.hasPrefix("--"), parts.count == 2 {
            option = String(parts[0])
            attached = String(parts[1])
        } else {
            option = argument
            attached = nil
        }
        return option
    }

    mutating func value() throws(UsageError) -> String {
        if let attached { return attached }
        guard let value = arguments.popFirst() else { throw UsageError("\(option) needs a value") }
        return value
    }

    mutating func rest() -> [String] {
        defer { arguments = [] }
        return Array(arguments)
    }
}
