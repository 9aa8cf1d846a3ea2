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
}
