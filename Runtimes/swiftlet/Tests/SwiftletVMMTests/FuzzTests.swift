// SPDX-License-Identifier: Apache-2.0
import Glibc
import SwiftletTestSupport
import SwiftletVMM
import Testing

@Suite struct FuzzTests {
    private func seed(_ name: String) throws -> FuzzedHTTP {
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(
            separator: "/")
        return try readWholeFile("\(folder)/Corpus/http-request/\(name)").withUnsafeBytes { fuzzHTTPRequest($0) }
    }

    @Test(
        "a seed of the API's clients comes to what its name says",
        arguments: [("ok-start", 1), ("ok-config", 4), ("ok-drive", 2), ("ok-get", 3)])
    func goodSeeds(name: String, accepted: Int) throws {
        let result = try seed(name)
        #expect(result.fault == nil)
        #expect(result.accepted == accepted)
    }

    @Test("a bad seed is refused", arguments: ["bad-doubled-key", "bad-length", "bad-chunked", "bad-nesting"])
    func badSeeds(name: String) throws { #expect(try seed(name).accepted == 0) }

    @Test(
        "text in which no request is becomes one, with its target and its body",
        arguments: [
            "", "x", "GET", "GET /x HTTP/9.9\r\n\r\n", "PUT /actions HTTP/1.1\r\nContent-Length: 900\r\n\r\n{}",
            "\0\0 /version?\u{1} {\"a\"",
        ])
    func repaired(text: String) throws {
        let bytes = repairHTTPRequest([7] + text.utf8)
        let request = try #require(bytes.withUnsafeBytes { fuzzHTTPRequest($0) }.requests.first)
        if text.contains("{}") { #expect(request.path == "/actions" && request.body == Array("{}".utf8)) }
    }

    @Test("what has a request already stays as it is")
    func whole() {
        let bytes = [0] + Array("GET / HTTP/1.1\r\n\r\nrest".utf8)
        #expect(repairHTTPRequest(bytes) == bytes)
    }

    @Test(
        "a configuration file comes to what its name says",
        arguments: [
            ("ok-boot", 0), ("ok-machine", 0), ("ok-drives", 2), ("ok-vsock", 2), ("ok-unused", 0), ("bad-empty", nil),
            ("bad-array", nil), ("bad-no-boot", nil), ("bad-unknown", nil), ("bad-doubled", nil), ("bad-vcpus", nil),
            ("bad-drives", nil), ("bad-cid", nil), ("bad-nesting", nil), ("bad-utf8", nil), ("bad-number", nil),
            ("bad-network", nil), ("found-field-with-line-end", nil),
        ])
    func configurations(name: String, deviceCount: Int?) throws {
        let folder = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3).joined(
            separator: "/")
        let text = try readWholeFile("\(folder)/Corpus/configuration/\(name)")
        var found: Int?
        if case .accepted(let count) = text.withUnsafeBytes({ fuzzConfiguration($0) }) { found = count }
        #expect(found == deviceCount)
    }
}
