// SPDX-License-Identifier: Apache-2.0
import Seccompiler
import Testing

@Suite struct CompileTests {
    @Test("any filter compiles to a program that does what the filter says", arguments: 0..<12)
    func random(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) + 1)
        for _ in 0..<20 {
            for architecture in Architecture.allCases {
                let filter = try random.filter(on: architecture)
                for _ in 0..<2 { _ = try filter.compile() }
                let own = try filter.compile(backEnd: .own)
                let histogram = Dictionary(
                    filter.numbers.map { ($0, random.next() % 1000) }, uniquingKeysWith: { $0 &+ $1 })
                let weighted = try filter.compile(histogram: histogram)
                for _ in 0..<100 {
                    let number = filter.numbers.randomElement(using: &random) ?? 3
                    let call = SystemCall(number, (0..<6).map { _ in random.value() }, on: architecture)
                    let expected = filter.verdict(on: call).action
                    #expect(own.program.run(on: call).action == expected)
                    #expect(weighted.program.run(on: call).action == expected)
                }
            }
        }
    }

    @Test("what libseccomp can express it compiles, and to the same meaning", arguments: 0..<12)
    func libseccomp(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed) + 100)
        for _ in 0..<10 {
            for architecture in Architecture.allCases {
                let names = ["read", "write", "ioctl", "futex", "mmap", "openat", "statx"]
                let rules = (0..<Int(random.next() % 20)).map { _ in
                    var conditions: [Condition] = []
                    for _ in 0..<Int(random.next() % 4) {
                        let condition = random.condition(dword: false)
                        if !conditions.contains(where: { $0.argument == condition.argument }) {
                            conditions.append(condition)
                        }
                    }
                    return Rule(names[Int(random.next() % 7)], conditions)
                }
                let filter = try allowing(rules, on: architecture)
                let compiled = try filter.compile()
                #expect(compiled.backEnd == .libseccomp, "\(compiled.reason.map(\.description) ?? "")")
            }
        }
    }
}
