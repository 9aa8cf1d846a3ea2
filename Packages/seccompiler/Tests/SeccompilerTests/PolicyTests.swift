// SPDX-License-Identifier: Apache-2.0
import Seccompiler
import Testing

@Suite struct PolicyTests {
    static let full = """
        {
          "vmm": {
            "default_action": "trap",
            "filter_action": "allow",
            "filter": [
              {"syscall": "read"},
              {"syscall": "ioctl", "comment": "run", "args": [
                {"index": 1, "type": "dword", "op": "eq", "val": 44672, "comment": "KVM_RUN"}]},
              {"syscall": "ioctl", "action": {"errno": 25}, "args": [
                {"index": 1, "type": "qword", "op": {"masked_eq": 255}, "val": 1}]}
            ]
          },
          "api": {"mismatch_action": {"errno": "EPERM"}, "match_action": "log", "filter": []}
        }
        """

    @Test("a policy's filters keep their names, order, actions and rules")
    func everything() throws {
        let policy = try Policy(json: Self.full, architecture: .x86_64)
        #expect(policy.entries.map(\.name) == ["vmm", "api"])
        let vmm = try #require(policy["vmm"])
        #expect(vmm.defaultAction == .trap)
        #expect(vmm.matchAction == .allow)
        #expect(vmm.numbers == [0, 16, 16])
        #expect(vmm.rules.map(\.line) == [6, 7, 9])
        #expect(vmm.rules[1].conditions == [Condition(argument: 1, width: .dword, comparison: .equal, value: 0xAE80)])
        #expect(vmm.rules[2].action == .errno(25))
        #expect(policy["api"]?.defaultAction == .errno(1))
        #expect(policy["api"]?.rules == [])
        #expect(policy["vcpu"] == nil)
    }

    @Test("a name or a join of names stands for its number, as the target has it")
    func constants() throws {
        let text = """
            {"f": {"default_action": "allow", "filter_action": "trap", "filter": [{"syscall": "openat", "args": [
              {"index": 2, "type": "dword", "op": {"masked_eq": "O_DIRECTORY | 0x1"}, "val": "O_DIRECTORY"}]}]}}
            """
        let x86 = try Policy(json: text, architecture: .x86_64)
        let arm = try Policy(json: text, architecture: .aarch64)
        #expect(x86["f"]?.rules[0].conditions[0].value == 0x10000)
        #expect(arm["f"]?.rules[0].conditions[0].value == 0x4000)
        #expect(arm["f"]?.rules[0].conditions[0].comparison == .maskedEqual(mask: 0x4001))
    }

    @Test("the largest 64-bit number is a value")
    func largest() throws {
        let text = """
            {"f": {"default_action": "allow", "filter_action": "trap", "filter": [{"syscall": "read", "args": [
              {"index": 5, "type": "qword", "op": "ge", "val": 18446744073709551615}]}]}}
            """
        #expect(try Policy(json: text, architecture: .riscv64)["f"]?.rules[0].conditions[0].value == .max)
    }

    @Test("a policy without filters is one")
    func empty() throws {
        #expect(try Policy(json: " {\n} ", architecture: .x86_64).entries.isEmpty)
    }

    @Test("system calls have the numbers of their architecture")
    func numbers() {
        #expect(Architecture.x86_64.syscallNumber("open") == 2)
        #expect(Architecture.aarch64.syscallNumber("open") == nil)
        #expect(Architecture.riscv64.syscallNumber("openat") == 56)
        #expect(Architecture.aarch64.syscallNumber("mseal") == 462)
        #expect(Architecture.x86_64.syscallName(16) == "ioctl")
        #expect(Architecture.aarch64.syscallName(462) == "mseal")
        #expect(Architecture.x86_64.syscallName(99999) == nil)
        #expect(Architecture.x86_64.syscallNumber("read\0") == nil)
    }
}
