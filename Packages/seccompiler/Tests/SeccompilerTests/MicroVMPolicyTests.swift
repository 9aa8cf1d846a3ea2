// SPDX-License-Identifier: Apache-2.0
import Glibc
import Seccompiler
import SeccompilerTestSupport
import Testing
import VMMSysUtil

/// `Fixtures/microvm.json`: filters of the size and shape that a microVM monitor's three kinds of threads have, written from
/// what such a program calls.
@Suite(.enabled(if: Architecture.native == .x86_64, "its calls are x86_64's"))
struct MicroVMPolicyTests {
    static let names = ["vmm", "api", "vcpu"]

    private func filter(_ name: String) throws -> Filter {
        let package = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let file = try FileDescriptor.open("/\(package)/Fixtures/microvm.json", .readOnly)
        var bytes = [UInt8](repeating: 0, count: Int(try file.byteCount()))
        #expect(read(file.rawValue, &bytes, bytes.count) == bytes.count)
        return try #require(bytes.withUnsafeBytes { try Policy(json: $0, architecture: .x86_64) }[name])
    }

    /// Every number of the table, of x32 and beyond, with arguments of all zeros and all ones; and each rule's edges.
    private func calls(_ filter: Filter) -> [SystemCall] {
        let beyond: [UInt32] = [512, 1023, 4096, 0x3FFF_FFFF, 0x8000_0000, 0xC000_0000, .max - 1, .max]
        let numbers = (0..<512) + (0..<512).map { $0 | 0x4000_0000 } + beyond
        let plain = numbers.flatMap { number in
            [[], [.max, .max, .max, .max, .max, .max]].map { SystemCall(number, $0, on: .x86_64) }
        }
        return plain + filter.boundaryCalls
    }

    @Test(
        "the filters have as many rules and calls as Firecracker's",
        arguments: zip(names, [(76, 50), (36, 31), (49, 27)]))
    func size(name: String, size: (rules: Int, calls: Int)) throws {
        let filter = try filter(name)
        #expect(filter.rules.count == size.rules)
        #expect(Set(filter.numbers).count == size.calls)
        #expect(filter.findings == [])
    }

    @Test("policy, program and kernel agree on every number and every rule's edges, however compiled", arguments: names)
    func everyCall(name: String) throws {
        let filter = try filter(name)
        let calls = calls(filter)
        let expected = calls.map { filter.verdict(on: $0).action }
        // What the kernel can be asked about; the others end the process whichever program is on.
        let asked = calls.indices.filter {
            calls[$0].auditValue == Architecture.x86_64.auditValue && KernelProbe.isAsked(about: calls[$0].number)
        }
        #expect(asked.count > 2500)
        #expect(Set(asked.map { expected[$0] }) == [.allow, .trap, .killProcess])
        let hot: [UInt32: UInt64] = [16: 1000, 0: 10, 1: 10, 202: 5]
        for compiled in [try filter.compile(), try filter.compile(backEnd: .own), try filter.compile(histogram: hot)] {
            #expect(compiled.program.instructions.count < 250)
            #expect(calls.map { compiled.program.run(on: $0).action } == expected)
            let answers = try KernelProbe.actions(for: asked.map { calls[$0] }, under: compiled.program)
            for (index, answer) in zip(asked, answers) { #expect(answer == expected[index], "\(calls[index])") }
        }
    }

    @Test("libseccomp compiles what it can express of them, and the own back end's programs are not longer")
    func backEnds() throws {
        #expect(try filter("vmm").compile().backEnd == .own)
        let api = try filter("api")
        #expect(try api.compile().backEnd == .libseccomp)
        let own = try api.compile(backEnd: .own).program.instructions.count
        let library = try api.compile(backEnd: .libseccomp).program.instructions.count
        #expect(own <= library, "\(own) instructions against \(library)")
    }

    @Test("everything that a program outside wants is trapped", arguments: names)
    func closed(name: String) throws {
        let filter = try filter(name)
        for name in ["execve", "ptrace", "process_vm_writev", "clone", "mount", "bpf", "io_uring_setup", "socketpair"] {
            let number = try #require(Architecture.x86_64.syscallNumber(name))
            #expect(filter.verdict(on: SystemCall(number, on: .x86_64)).action == .trap, "\(name)")
        }
    }
}
