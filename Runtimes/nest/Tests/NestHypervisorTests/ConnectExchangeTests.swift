// SPDX-License-Identifier: Apache-2.0
import Glibc
import NestHypervisor
import Testing
import VMMSysUtil

@Suite("The exchange that begins a stream")
struct ConnectExchangeTests {
    /// What an answer comes to, and what is left of it for who gets the stream.
    private func result(
        of answer: String, isEnded: Bool = false, within timeout: Duration = .seconds(10)
    ) throws -> (port: Result<UInt32?, HypervisorError>, rest: String) {
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        let host = FileDescriptor(owning: ends[0])
        let guest = FileDescriptor(owning: ends[1])
        try host.setNonBlocking()
        #expect(write(guest.rawValue, answer, answer.utf8.count) == answer.utf8.count)
        if isEnded { shutdown(guest.rawValue, Int32(SHUT_WR)) }
        let port: Result<UInt32?, HypervisorError>
        do throws(HypervisorError) {
            port = .success(try ConnectExchange.run(host, port: 7, deadline: Deadline(after: timeout)))
        } catch { port = .failure(error) }
        var bytes = [UInt8](repeating: 0, count: 64)
        let count = max(0, read(guest.rawValue, &bytes, bytes.count))
        #expect(String(decoding: bytes[..<count], as: UTF8.self) == "CONNECT 7\n")
        let left = max(0, read(host.rawValue, &bytes, bytes.count))
        return (port, String(decoding: bytes[..<left], as: UTF8.self))
    }

    @Test("an answer names the port, and what follows the line is left where it is")
    func port() throws {
        let answers: [(String, UInt32, String)] = [
            ("OK 1\nhello", 1, "hello"), ("OK 4294967295\n", .max, ""), ("OK 0\n\n", 0, "\n"),
        ]
        for (answer, port, rest) in answers {
            let result = try result(of: answer)
            #expect(result.port == .success(port))
            #expect(result.rest == rest)
        }
    }

    @Test(
        "an answer that is spelled in another way is refused",
        arguments: [
            "\n", "OK\n", "OK \n", "ok 1\n", "OK 1 \n", " OK 1\n", "OK  1\n", "OK\t1\n", "OK 1\r\n", "OK +1\n",
            "OK -1\n",
            "OK 01\n", "OK 4294967296\n", "OK 1 2\n", "OK \u{660}\n", "O\u{212A} 1\n", "OK 1\0\n", "NO 1\n", "1\n",
        ])
    func spelling(answer: String) throws {
        #expect(try result(of: answer).port == .failure(.badAnswer(port: 7)))
    }

    @Test("a flood is refused after 32 bytes")
    func flood() throws {
        #expect(try result(of: "OK " + String(repeating: "0", count: 28) + "1\n").port == .failure(.badAnswer(port: 7)))
        #expect(try result(of: "OK " + String(repeating: "1", count: 5000)).port == .failure(.badAnswer(port: 7)))
    }

    @Test(
        "half an answer, or none, is nobody's: at its end at once, and else when the time is over",
        arguments: ["", "O", "OK 1"])
    func half(answer: String) throws {
        #expect(try result(of: answer, isEnded: true).port == .success(nil))
        let begin = Deadline.now
        #expect(try result(of: answer, within: .milliseconds(20)).port == .failure(.notListening(port: 7)))
        #expect(begin.elapsed >= .milliseconds(20))
    }
}
