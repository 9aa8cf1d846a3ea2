// SPDX-License-Identifier: Apache-2.0
internal import Seccompiler

extension Command {
    static func compile(_ options: Options) throws(CommandError) -> Result {
        guard options.positional.isEmpty else { throw .usage("unexpected \(options.positional[0])") }
        guard let input = options.values["--input-file"] else { throw .usage("no --input-file") }
        let policy = try readPolicy(input, options.architecture())
        let output = options.values["--output-file"] ?? "seccomp_binary_filter.out"
        var programs: [String: BPFProgram] = [:]
        for entry in policy.entries {
            let filter = options.has("--basic") ? try basic(entry) : entry.filter
            programs[entry.name] = try compile(filter, entry.name).program
        }
        try FileAccess.write(ProgramFile(programs).bytes, to: output)
        return Result()
    }

    static func explain(_ options: Options) throws(CommandError) -> Result {
        guard options.positional.count >= 2 else { throw .usage("explain needs a policy and a system call") }
        guard options.positional.count <= 2 + SystemCall.argumentCount else { throw .usage("over six arguments") }
        let architecture = try options.architecture()
        let policy = try readPolicy(options.positional[0], architecture)
        let entry = try choose(options.values["--filter"], from: policy)
        let call = try systemCall(Array(options.positional.dropFirst()), architecture)
        let verdict = entry.filter.verdict(on: call)
        var text = "\(verdict.action)\n"
        switch verdict.reason {
        case .foreignArchitecture: text += "the call is of another architecture\n"
        case .x32: text += "the number is one of x32's\n"
        case .noRule: text += "no rule of \"\(entry.name)\" fits: the default action\n"
        case .rule(let index):
            let rule = entry.filter.rules[index]
            text += "rule \(index) of \"\(entry.name)\"" + (rule.line.map { ", line \($0)" } ?? "") + ": \(rule)"
            let requests = rule.conditions.filter { $0.argument == 1 && $0.comparison == .equal }
                .compactMap { rule.syscall == "ioctl" ? architecture.ioctlName($0.value) : nil }
            text += requests.isEmpty ? "\n" : " (\(requests.joined(separator: ", ")))\n"
        }
        let compiled = try compile(entry.filter, entry.name)
        let outcome = compiled.program.run(on: call)
        text += "compiled by \(compiled.backEnd == .own ? "the own back end" : "libseccomp")"
        text += compiled.reason.map { ": \($0)\n" } ?? "\n"
        text += "\(outcome.instructionCount) of \(compiled.program.instructions.count) instructions run\n"
        return Result(output: text)
    }

    static func check(_ options: Options) throws(CommandError) -> Result {
        guard options.positional.count == 1 else { throw .usage("check needs one policy") }
        let policy = try readPolicy(options.positional[0], options.architecture())
        var result = Result()
        for entry in policy.entries {
            let compiled = try compile(entry.filter, entry.name)
            let findings = entry.filter.findings
            for finding in findings { result.output += "\(entry.name): \(entry.filter.describe(finding))\n" }
            if !findings.isEmpty { result.status = 1 }
            result.output +=
                "\(entry.name): \(entry.filter.rules.count) rules for \(Set(entry.filter.numbers).count) calls, "
                + "\(compiled.program.instructions.count) instructions by "
                + (compiled.backEnd == .own ? "the own back end" : "libseccomp")
                + ", \(compiled.checkedCallCount) calls compared, \(findings.count) findings\n"
        }
        return result
    }

    static func disassemble(_ options: Options) throws(CommandError) -> Result {
        guard options.positional.count == 1 else { throw .usage("disassemble needs one file") }
        let bytes = try FileAccess.read(options.positional[0], byteCountMax: ProgramFile.byteCountMax)
        let fileError: ProgramFileError
        do throws(ProgramFileError) {
            let file = try ProgramFile(bytes: bytes)
            let programs = file.programs.sorted { $0.key < $1.key }
            return Result(
                output: programs.map {
                    "\($0.key): \($0.value.instructions.count) instructions\n\($0.value.disassembly)"
                }
                .joined(separator: "\n"))
        } catch {
            fileError = error
        }
        do throws(BPFError) {
            return Result(output: try BPFProgram(exported: bytes).disassembly)
        } catch {
            throw .failed(
                "\(options.positional[0]): neither a file of programs (\(fileError)) nor one program (\(error))")
        }
    }

    static func constants(_ options: Options) throws(CommandError) -> Result {
        guard options.positional.isEmpty else { throw .usage("unexpected \(options.positional[0])") }
        let architecture = try options.architecture()
        let lines = architecture.constantNames.map { name in
            "\(name) 0x" + String(architecture.constant(name) ?? 0, radix: 16) + "\n"
        }
        return Result(output: lines.joined())
    }

    private static func basic(_ entry: Policy.Entry) throws(CommandError) -> Filter {
        do throws(FilterError) {
            return try entry.filter.withoutConditions()
        } catch {
            throw .failed("\(entry.name): \(error)")
        }
    }

    private static func compile(_ filter: Filter, _ name: String) throws(CommandError) -> CompiledFilter {
        do throws(CompileError) {
            return try filter.compile()
        } catch {
            throw .failed("\(name): \(error)")
        }
    }

    private static func readPolicy(_ path: String, _ architecture: Architecture) throws(CommandError) -> Policy {
        let bytes = try FileAccess.read(path, byteCountMax: Policy.byteCountMax)
        let result = bytes.withUnsafeBytes { bytes in
            Swift.Result<Policy, PolicyError> { () throws(PolicyError) in
                try Policy(json: bytes, architecture: architecture)
            }
        }
        switch result {
        case .success(let policy): return policy
        case .failure(let error): throw .failed("\(path): \(error)")
        }
    }

    private static func choose(_ name: String?, from policy: Policy) throws(CommandError) -> Policy.Entry {
        let names = policy.entries.map(\.name).joined(separator: ", ")
        guard let name else {
            guard policy.entries.count == 1, let entry = policy.entries.first else {
                throw .usage("--filter is needed, one of: \(names)")
            }
            return entry
        }
        guard let entry = policy.entries.first(where: { $0.name == name }) else {
            throw .failed("no filter \"\(name)\", there are: \(names)")
        }
        return entry
    }

    private static func systemCall(_ words: [String], _ architecture: Architecture) throws(CommandError) -> SystemCall {
        guard let name = words.first else { throw .usage("no system call") }
        guard let number = UInt32(name) ?? hexadecimal(name) ?? architecture.syscallNumber(name) else {
            throw .failed("\(architecture.rawValue) has no system call \"\(name)\"")
        }
        var arguments: [UInt64] = []
        for word in words.dropFirst() {
            guard let value = UInt64(word) ?? architecture.constant(word) else {
                throw .failed("no number: \"\(word)\"")
            }
            arguments.append(value)
        }
        return SystemCall(number, arguments, on: architecture)
    }

    private static func hexadecimal(_ text: String) -> UInt32? {
        text.hasPrefix("0x") ? UInt32(text.dropFirst(2), radix: 16) : nil
    }
}
