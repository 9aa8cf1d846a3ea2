// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil

@testable import NestShim

@Suite("The log of the guest's agent")
struct AgentLogTests {
    @Test("a flood of lines is cut and counted, so that no guest fills the host's disk")
    func flood() throws {
        let directory = try temporaryDirectory()
        defer { Directory.removeTree(directory) }
        try Files.writeAtomically("", to: "\(directory)/log")
        let pair = try SocketPair()
        let guest = try pair.second.duplicate().release()
        _ = try Thread(name: "flood") {
            let lines = Array(repeatElement(Array("flood\n".utf8), count: 10_000).joined())
            var sent = 0
            while sent < lines.count {
                let count = lines[sent...].withUnsafeBytes {
                    send(guest, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                if count <= 0 { break }
                sent += count
            }
            shutdown(guest, Int32(SHUT_RDWR))
            close(guest)
        }
        Pod.relay(try pair.first.duplicate(), to: ShimLog(path: "\(directory)/log", subject: "c1"))
        let lines = String(decoding: try Files.read("\(directory)/log"), as: UTF8.self).split(separator: "\n")
        // A burst, and what a slow machine adds in the seconds that it takes.
        #expect((2000..<8000).contains(lines.count))
        #expect(lines.first == "agent c1: flood")
        #expect(lines.last?.hasSuffix(" lines dropped: more than 200 a second)") == true)
    }
}
