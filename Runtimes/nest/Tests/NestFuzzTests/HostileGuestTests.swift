// SPDX-License-Identifier: Apache-2.0
import NestProtocols
import NestTestSupport
import SwiftProtobuf
import TTRPC
import Testing

@Suite("A guest in the agent's place")
struct HostileGuestTests {
    private func told(_ reason: String) -> String? {
        let bytes = [3] + TTRPCResponse(failure: TTRPCStatus(.unknown, reason)).encoded()
        guard case .failure(let line) = bytes.withUnsafeBytes({ fuzzAgentAnswer($0) }) else { return nil }
        return line
    }

    @Test("a failure reaches the client as one line without control characters")
    func terminal() {
        #expect(told("crun: no\n such\tfile\u{2028}!") == "crun: no  such file !")
        #expect(told("\u{1B}[2J\u{9B}31m\u{0}red") == "?[2J?31m?red")
        #expect(told("Pfad fehlt: \u{FC}\u{1F980}") == "Pfad fehlt: \u{FC}\u{1F980}")
    }

    @Test("a failure of megabytes reaches the client as two KiB, cut between two characters")
    func long() throws {
        let line = try #require(told(String(repeating: "\u{1F980}", count: 1 << 18)))
        #expect((2041...2048).contains(line.utf8.count))
        #expect(line.hasSuffix("\u{1F980} ..."))
    }

    @Test("statistics of 64 KiB are taken, and larger ones refused before they are decoded")
    func statistics() {
        // Two bytes an interface, of which each takes a hundred when it is decoded.
        func answer(_ count: Int) -> FuzzedAgentAnswer {
            let bytes: [UInt8] = [1] + repeatElement([0x12, 0], count: count).joined()
            return bytes.withUnsafeBytes { fuzzAgentAnswer($0) }
        }
        if case .statistics = answer(1 << 15) {} else { Issue.record("64 KiB are refused") }
        #expect(answer((1 << 15) + 1) == .refused)
    }

    @Test("a log line is no longer than a pipe takes whole", arguments: [1, 2047, 2048, 2049, 5000])
    func logLine(count: Int) {
        let bytes = [4, 255] + [UInt8](repeating: 0xff, count: count)
        guard case .lines(let lines) = bytes.withUnsafeBytes({ fuzzAgentAnswer($0) }) else {
            Issue.record("no lines")
            return
        }
        #expect(lines.count == (count + 2047) / 2048)
    }
}
