// SPDX-License-Identifier: Apache-2.0
import SwiftletVMM
import Testing

/// What a report of a machine's end shows of its serial console, to somebody at a terminal.
@Suite(.serialized, .enabled(if: KVMPresence.isUsable, "needs a usable /dev/kvm"))
struct ConsoleReportTests {
    private func lines(_ count: Int, of code: [UInt8]) throws -> [String] {
        let machine = try MicroGuest.machine(
            code + MicroGuest.powerOff, console: ConsoleStreams(input: nil, output: nil))
        #expect(machine.run() == .poweredOff)
        return machine.lastConsoleLines(count)
    }

    @Test("the last lines have printable characters of ASCII and nothing that drives a terminal")
    func printable() throws {
        let said = Array("gone\none\u{1b}[2J\u{7}\r\ntwo".utf8) + [0x80, 0x9b] + Array("31m\u{7f}\t\u{0}".utf8)
        #expect(try lines(2, of: said.flatMap { MicroGuest.say($0, count: 1) }) == ["one[2J", "two31m"])
    }

    @Test("a guest without an end of line, or without a word, has no more than a bounded tail shown")
    func bounded() throws {
        let tail = try lines(5, of: MicroGuest.say(0x41, count: 20_000))
        #expect(tail.count == 1 && tail.allSatisfy { (100...8192).contains($0.utf8.count) })
        #expect(try lines(5, of: MicroGuest.say(0x0a, count: 100)) == [])
    }
}
