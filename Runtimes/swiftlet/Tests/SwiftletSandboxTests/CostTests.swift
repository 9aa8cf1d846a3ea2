// SPDX-License-Identifier: Apache-2.0
import Seccompiler
import SeccompilerTestSupport
import SwiftletVMM
import Testing

/// What the filters cost the calls of `Policy/histogram.txt`, counted by running them in software.
@Suite struct CostTests {
    /// A line of the histogram.
    private struct Row {
        let thread: Confined
        let count: Double
        let call: SystemCall
    }

    private func histogram() throws -> [Row] {
        try policies.text("histogram.txt").split(separator: "\n").filter { !$0.hasPrefix("#") }.map { line in
            let words = line.split(separator: " ").map(String.init)
            try #require(words.count >= 4, "\(line)")
            let arguments = try words[4...].map { word in
                try #require(UInt64(word) ?? Architecture.x86_64.constant(word), "\(line)")
            }
            let thread = words[0] == "vmm" ? (words[1] == "api" ? .all : .run) : Confined(rawValue: words[0])
            return Row(
                thread: try #require(thread, "\(line)"), count: try #require(Double(words[2])),
                call: SystemCall(
                    try #require(Architecture.x86_64.syscallNumber(words[3])), arguments, on: .x86_64))
        }
    }

    /// Instructions that a call takes in a chain: load and test of the architecture, load of the number, tests of the numbers
    /// in this order, and the call's rules, which it goes to at once where it is alone in front.
    private func chain(_ order: [UInt32], _ whole: BPFProgram, _ call: SystemCall) throws -> Int {
        let position = try #require(order.firstIndex(of: call.number)) + 1
        let alone = try whole.asking(first: [call.number], on: .x86_64).run(on: call).instructionCount
        return alone - 1 + position
    }

    @Test("each call of the histogram is allowed to its thread, or fails as the policy wants")
    func allowed() throws {
        let rows = try histogram()
        #expect(rows.count > 60)
        for thread in Confined.allCases {
            let program = try thread.program()
            let own = rows.filter { $0.thread == thread }
            #expect(!own.isEmpty)
            for row in own { #expect(program.run(on: row.call).action != .trap, "\(thread): \(row.call)") }
        }
    }

    @Test(
        "the mean call takes at most half the instructions of a chain in number order, and no more than one by frequency"
    )
    func means() throws {
        let rows = try histogram()
        for thread in Confined.allCases {
            let own = rows.filter { $0.thread == thread }
            let program = try thread.program()
            let filter = try policies.filter(of: thread)
            let whole = try filter.compile(backEnd: .own).program
            let numbers = Set(filter.numbers).sorted()
            var counts: [UInt32: Double] = [:]
            for row in own { counts[row.call.number, default: 0] += row.count }
            let frequent = numbers.sorted { (counts[$0] ?? 0, $1) > (counts[$1] ?? 0, $0) }
            var sums = (ours: 0.0, byNumber: 0.0, byFrequency: 0.0)
            for row in own {
                sums.ours += row.count * Double(program.run(on: row.call).instructionCount)
                sums.byNumber += row.count * Double(try chain(numbers, whole, row.call))
                sums.byFrequency += row.count * Double(try chain(frequent, whole, row.call))
            }
            let count = own.reduce(0.0) { $0 + $1.count }
            let means = "\(thread): \(sums.ours / count), \(sums.byNumber / count), \(sums.byFrequency / count)"
            #expect(sums.ours <= sums.byFrequency, "\(means)")
            #expect(sums.ours <= sums.byNumber / 2, "\(means)")
        }
    }
}
