// SPDX-License-Identifier: Apache-2.0
import Glibc
import Seccompiler
import SeccompilerCommand
import Testing
import VMMSysUtil

@Suite struct CommandTests {
    /// Runs `body` with a folder that is removed afterwards.
    private func inFolder(_ body: (String) throws -> Void) throws {
        var template = Array("/tmp/seccompiler-XXXXXX".utf8CString)
        let path = String(cString: try #require(mkdtemp(&template)))
        defer {
            for name in ["policy.json", "out", "basic"] { unlink("\(path)/\(name)") }
            rmdir(path)
        }
        try body(path)
    }

    private func write(_ text: String, to path: String) throws {
        let file = try FileDescriptor.open(path, [.writeOnly, .create, .truncate])
        _ = try Array(text.utf8).withUnsafeBytes { try file.write(from: $0) }
    }

    private func read(_ path: String) throws -> [UInt8] {
        let file = try FileDescriptor.open(path)
        var bytes = [UInt8](repeating: 0, count: Int(try file.byteCount()))
        _ = try bytes.withUnsafeMutableBytes { try file.read(into: $0) }
        return bytes
    }

    @Test("a policy becomes a file of its filters' programs; --basic leaves conditions out")
    func compile() throws {
        try inFolder { folder in
            try write(PolicyTests.full, to: "\(folder)/policy.json")
            let arguments = ["--input-file", "\(folder)/policy.json", "--target-arch", "x86_64", "--output-file"]
            #expect(Command.run(arguments + ["\(folder)/out"]) == Command.Result())
            #expect(Command.run(arguments + ["\(folder)/basic", "--basic"]) == Command.Result())
            let file = try ProgramFile(bytes: read("\(folder)/out"))
            let basic = try ProgramFile(bytes: read("\(folder)/basic"))
            #expect(file.programs.keys.sorted() == ["api", "vmm"])
            let call = SystemCall(16, [0, 5], on: .x86_64)
            #expect(file.programs["vmm"]?.run(on: call).action == .trap)
            #expect(basic.programs["vmm"]?.run(on: call).action == .allow)
            let listing = Command.run(["disassemble", "\(folder)/out"])
            #expect(listing.status == 0)
            #expect(listing.output.hasPrefix("api: "))
        }
    }

    @Test("explain says the action first, then the rule that decides")
    func explain() throws {
        try inFolder { folder in
            let path = "\(folder)/policy.json"
            try write(PolicyTests.full, to: path)
            func lines(_ arguments: String...) -> [String] {
                let target = ["--target-arch", "x86_64", "--filter", "vmm"]
                return Command.run(["explain", path] + target + arguments).output.split(separator: "\n").map(
                    String.init)
            }
            let allowed = lines("ioctl", "3", "KVM_RUN")
            #expect(allowed[0] == "allow")
            #expect(allowed[1] == "rule 1 of \"vmm\", line 7: ioctl if arg1 dword == 0xae80 (KVM_RUN)")
            #expect(
                allowed[2]
                    == "compiled by the own back end: rule 2 has another action than an earlier one for the same call")
            #expect(lines("ioctl", "3", "0x101")[0] == "errno(25)")
            #expect(lines("1").prefix(2) == ["trap", "no rule of \"vmm\" fits: the default action"])
            #expect(lines("0x40000000").prefix(2) == ["kill_process", "the number is one of x32's"])
        }
    }

    @Test("check ends with 1 if there is a finding, and names rule and line")
    func check() throws {
        try inFolder { folder in
            let path = "\(folder)/policy.json"
            try write(PolicyTests.full, to: path)
            #expect(Command.run(["check", path, "--target-arch", "x86_64"]).status == 0)
            try write(
                MalformedPolicy.rules(
                    "{\"syscall\": \"read\"},\n{\"syscall\": \"read\", \"args\": [{\"index\": 0, \"type\": \"dword\", \"op\": \"eq\", \"val\": 1}]}"
                ),
                to: path)
            let result = Command.run(["check", path, "--target-arch=x86_64"])
            #expect(result.status == 1)
            #expect(result.output.contains("rule 1 (line 2)"))
            try write("{\"f\": 1}", to: path)
            let refused = Command.run(["check", path])
            #expect(refused.status == 1)
            #expect(refused.errors == "seccompiler: \(path): line 1, column 7: expected an object, found a number\n")
        }
    }

    @Test(
        "wrong usage ends with 2 and says what is wrong",
        arguments: [
            ([], "no arguments"), (["--basic"], "no --input-file"), (["--input-file"], "--input-file needs a value"),
            (["--input-file", "a", "--input-file", "b"], "--input-file given twice"),
            (["--frob"], "unknown option --frob"),
            (["check"], "check needs one policy"), (["explain", "a"], "explain needs a policy and a system call"),
            (["check", "a", "--target-arch", "sparc"], "unknown architecture sparc"), (["frob"], "unexpected frob"),
            (["explain", "a", "read", "1", "2", "3", "4", "5", "6", "7"], "over six arguments"),
            (["--basic=1", "--input-file", "a"], "unknown option --basic=1"),
        ] as [([String], String)])
    func usage(arguments: [String], text: String) {
        let result = Command.run(arguments)
        #expect(result.status == 2)
        #expect(result.errors.hasPrefix("seccompiler: \(text)\n"))
        #expect(result.output.isEmpty)
    }

    @Test("files that cannot be read end with 1 and name the file")
    func files() {
        #expect(
            Command.run(["check", "/nonexistent"]).errors.hasPrefix(
                "seccompiler: cannot read /nonexistent: No such file"))
        #expect(Command.run(["disassemble", "/dev/zero"]).status == 1)
        #expect(Command.run(["--help"]).status == 0)
    }
}
