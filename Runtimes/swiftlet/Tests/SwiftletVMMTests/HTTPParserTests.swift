// SPDX-License-Identifier: Apache-2.0
import SwiftletVMM
import Testing

@Suite struct HTTPParserTests {
    private func parse(_ text: String, bodyLimit: Int = 100) throws(HTTPFault) -> [HTTPParser.Step] {
        var parser = HTTPParser(bodyLimit: bodyLimit)
        parser.append(text.utf8)
        var steps: [HTTPParser.Step] = []
        while true {
            let step = try parser.next()
            steps.append(step)
            if step == .needsMore { return steps }
        }
    }

    @Test("a request has its method, path, body, and whether the connection stays")
    func wholeRequests() throws {
        let text =
            "PUT /drives/a HTTP/1.1\r\nHost: x\r\ncontent-LENGTH:  2 \r\nAccept: */*\r\n\r\n{}"
            + "GET / HTTP/1.0\r\n\r\nGET http://localhost/version HTTP/1.1\r\nConnection: close\r\n\r\n"
            + "\r\n\r\nPATCH /a HTTP/1.0\r\nConnection: Keep-Alive\r\nContent-Length: 0\r\n\r\n"
        #expect(
            try parse(text) == [
                .request(HTTPRequest(method: "PUT", path: "/drives/a", body: Array("{}".utf8))),
                .request(HTTPRequest(method: "GET", path: "/", keepsAlive: false)),
                .request(HTTPRequest(method: "GET", path: "/version", keepsAlive: false)),
                .request(HTTPRequest(method: "PATCH", path: "/a")),
                .needsMore,
            ])
    }

    @Test("requests come out the same whatever pieces they come in")
    func pieces() throws {
        let text = "PUT /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhelloGET /b HTTP/1.1\r\n\r\nPUT /c HTTP/1.1\r\nContent-"
        let whole = try parse(text)
        for size in 1...text.utf8.count {
            var parser = HTTPParser(bodyLimit: 100)
            var steps: [HTTPParser.Step] = []
            var rest = Array(text.utf8)[...]
            while !rest.isEmpty {
                parser.append(rest.prefix(size))
                rest = rest.dropFirst(size)
                while case let step = try parser.next(), step != .needsMore { steps.append(step) }
            }
            #expect(steps + [.needsMore] == whole, "pieces of \(size)")
            #expect(parser.isInside)
        }
    }

    @Test("a client that waits for 100 Continue is told once, and not if its body is here already")
    func expectation() throws {
        let head = "PUT /a HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
        #expect(try parse(head) == [.mayContinue, .needsMore])
        let request = HTTPParser.Step.request(HTTPRequest(method: "PUT", path: "/a", body: Array("{}".utf8)))
        #expect(try parse(head + "{}") == [request, .needsMore])
        var parser = HTTPParser(bodyLimit: 100)
        parser.append(head.utf8)
        #expect(try parser.next() == .mayContinue)
        parser.append("{".utf8)
        #expect(try parser.next() == .needsMore)
        parser.append("}".utf8)
        #expect(try parser.next() == request)
    }

    @Test(
        "what is no request is refused",
        arguments: [
            ("no words", "GET\r\n\r\n", .requestLine), ("two words", "GET /\r\n\r\n", .requestLine),
            ("four words", "GET / x HTTP/1.1\r\n\r\n", .requestLine),
            ("two spaces", "GET  / HTTP/1.1\r\n\r\n", .requestLine), ("HTTP/2", "GET / HTTP/2\r\n\r\n", .version),
            ("no version", "GET / HTTP/\r\n\r\n", .version), ("lower case", "get / HTTP/1.1\r\n\r\n", .method),
            ("POST", "POST / HTTP/1.1\r\n\r\n", .method), ("no slash", "GET a HTTP/1.1\r\n\r\n", .target),
            ("another scheme", "GET ftp://a/ HTTP/1.1\r\n\r\n", .target),
            ("control character", "GET /\u{1} HTTP/1.1\r\n\r\n", .target),
            ("not ASCII", "GET /é HTTP/1.1\r\n\r\n", .target),
            ("no colon", "GET / HTTP/1.1\r\nabc\r\n\r\n", .headerLine),
            ("no name", "GET / HTTP/1.1\r\n: a\r\n\r\n", .headerLine),
            ("blank before colon", "GET / HTTP/1.1\r\nContent-Length : 1\r\n\r\n", .headerLine),
            ("folded line", "GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", .headerLine),
            ("bare LF", "GET / HTTP/1.1\nA: b\r\n\r\n", .headerLine),
            ("bare CR", "GET / HTTP/1.1\r\nA: b\rc\r\n\r\n", .headerLine),
            ("NUL", "GET / HTTP/1.1\r\nA: \0\r\n\r\n", .headerLine),
            ("negative length", "PUT / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", .contentLength),
            ("signed length", "PUT / HTTP/1.1\r\nContent-Length: +1\r\n\r\n", .contentLength),
            ("hexadecimal length", "PUT / HTTP/1.1\r\nContent-Length: 0x1\r\n\r\n", .contentLength),
            ("empty length", "PUT / HTTP/1.1\r\nContent-Length: \r\n\r\n", .contentLength),
            ("huge length", "PUT / HTTP/1.1\r\nContent-Length: 18446744073709551616\r\n\r\n", .contentLength),
            ("two lengths", "PUT / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n", .contentLength),
            ("a list of lengths", "PUT / HTTP/1.1\r\nContent-Length: 1, 1\r\n\r\n", .contentLength),
            ("chunks", "PUT / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", .transferEncoding),
            (
                "chunks and a length", "PUT / HTTP/1.1\r\nContent-Length: 1\r\nTransfer-encoding: x\r\n\r\n",
                .transferEncoding
            ),
            ("another expectation", "PUT / HTTP/1.1\r\nExpect: x\r\n\r\n", .expectation),
            ("a body over the limit", "PUT / HTTP/1.1\r\nContent-Length: 101\r\n\r\n", .bodyTooLong(101, limit: 100)),
            (
                "the longest length", "PUT / HTTP/1.1\r\nContent-Length: 18446744073709551615\r\n\r\n",
                .bodyTooLong(.max, limit: 100)
            ),
        ] as [(String, String, HTTPFault)])
    func refused(row: String, text: String, fault: HTTPFault) {
        #expect(fault == self.fault(of: text), "\(row)")
    }

    private func fault(of text: String) -> HTTPFault? {
        do throws(HTTPFault) {
            _ = try parse(text)
            return nil
        } catch {
            return error
        }
    }

    @Test("a body of exactly the limit passes")
    func longestBody() throws {
        let text = "PUT /a HTTP/1.1\r\nContent-Length: 100\r\n\r\n" + String(repeating: "x", count: 100)
        #expect(try parse(text).count == 2)
    }

    @Test("a head of the limit passes, one byte more does not, however it goes on")
    func longestHead() throws {
        func head(_ count: Int) -> String {
            let frame = "GET / HTTP/1.1\r\nA: \r\n\r\n"
            return frame.replacing("A: ", with: "A: " + String(repeating: "x", count: count - frame.utf8.count))
        }
        #expect(try parse(head(HTTPParser.headLimit)).count == 2)
        #expect(fault(of: head(HTTPParser.headLimit + 1)) == .tooLong)
        #expect(fault(of: String(repeating: "x", count: HTTPParser.headLimit)) == .tooLong)
        #expect(fault(of: String(repeating: "\r", count: HTTPParser.headLimit)) == .tooLong)
    }
}
