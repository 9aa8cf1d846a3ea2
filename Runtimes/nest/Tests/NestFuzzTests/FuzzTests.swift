// SPDX-License-Identifier: Apache-2.0
import Glibc
import NestProtocols
import NestResources
import NestTestSupport
import SwiftProtobuf
import TTRPC
import Testing
import VMMSysUtil

@Suite("The harnesses of the agent's messages, of bundles and of the configuration")
struct FuzzTests {
    /// The package.
    private static let folder: String = {
        let parts = #filePath.split(separator: "/", omittingEmptySubsequences: false).dropLast(3)
        return parts.joined(separator: "/") + "/"
    }()

    private static func read(_ name: String) -> [UInt8]? {
        guard let file = fopen(folder + name, "r") else { return nil }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 16)
        let count = fread(&bytes, 1, bytes.count, file)
        return Array(bytes.prefix(count))
    }

    @Test("the seeds on disk are those that these tests make (UPDATE_CORPUS=1 writes them)")
    func seedsOnDisk() throws {
        for (target, seeds) in try Seeds.all() {
            for seed in seeds {
                let name = "Corpus/\(target)/\(seed.name)"
                if getenv("UPDATE_CORPUS") != nil {
                    let file = try #require(fopen(Self.folder + name, "w"))
                    fwrite(seed.bytes, 1, seed.bytes.count, file)
                    fclose(file)
                }
                #expect(Self.read(name) == seed.bytes, "\(name)")
            }
        }
    }

    @Test(
        "no file of a corpus finds anything, those of past findings included",
        arguments: ["agent-answer", "agent-connection", "agent-request", "bundle", "nest-configuration"])
    func corpus(target: String) throws {
        let folder = "Corpus/\(target)"
        let names = Directory.names(in: Self.folder + folder).filter { !$0.hasPrefix(".") }
        for name in names {
            // The process shows its last line when it aborts.
            print(folder, name)
            try #require(Self.read("\(folder)/\(name)")).withUnsafeBytes { bytes in
                switch target {
                case "agent-answer": _ = fuzzAgentAnswer(bytes)
                case "agent-connection": _ = fuzzAgentConnection(bytes)
                case "agent-request": _ = fuzzAgentRequest(bytes)
                case "bundle": _ = fuzzBundle(bytes)
                default: _ = fuzzNestConfiguration(bytes)
                }
            }
        }
        #expect(!names.isEmpty)
        #expect(names.count >= (try Seeds.all()[target] ?? []).count)
    }

    @Test("each request of the agent's protocol has its harness")
    func requests() throws {
        let text = String(decoding: try #require(Self.read("Protos/agent.proto")), as: UTF8.self)
        let names = text.split(separator: "\n").compactMap { line -> String? in
            let words = line.split(separator: " ")
            return words.first == "message" && words[1].hasSuffix("Request") ? String(words[1]) : nil
        }
        #expect(names.count > 20)
        #expect(AgentRequests.names.sorted() == names.sorted())
    }

    /// Each seed of a target comes to one of the words with which names begin that its result stands for.
    private func expectNames(of target: String, _ words: (UnsafeRawBufferPointer, _ name: String) -> [String]) throws {
        for seed in try #require(try Seeds.all()[target]) {
            let begins = seed.bytes.withUnsafeBytes { words($0, seed.name) }
            #expect(begins.contains { seed.name.hasPrefix("\($0)-") }, "\(seed.name)")
        }
    }

    @Test("a request is one that the agent takes, or refuses, as its seed's name says")
    func seededRequests() throws {
        try expectNames(of: "agent-request") { bytes, seed in
            switch fuzzAgentRequest(bytes) {
            case .malformed: return ["bad"]
            case .refused: return ["refused"]
            case .accepted(let name, let count):
                let hasFile = ["CreateContainerRequest", "ExecProcessRequest", "UpdateContainerRequest"].contains(name)
                #expect((count > 100) == hasFile, "\(seed)")
                return ["ok"]
            }
        }
    }

    @Test("what comes from a guest is what its seed's name says")
    func seededAnswers() throws {
        try expectNames(of: "agent-answer") { bytes, _ in
            switch fuzzAgentAnswer(bytes) {
            case .refused: ["bad"]
            case .exit: ["exit"]
            case .statistics: ["statistics"]
            case .outOfMemory: ["memory"]
            case .failure: ["failure"]
            case .lines: ["log", "console"]
            }
        }
    }

    @Test("a connection comes to what its seed's name says")
    func connections() throws {
        try expectNames(of: "agent-connection") { bytes, _ in
            switch fuzzAgentConnection(bytes) {
            case .refused: ["refused"]
            case .connected(answered: 0, _): ["failed"]
            case .connected: ["answered"]
            }
        }
    }

    @Test("a bundle's specification is taken, or refused in a line, as its seed's name says")
    func bundles() throws {
        try expectNames(of: "bundle") { bytes, _ in
            switch fuzzBundle(bytes) {
            case .malformed: ["bad"]
            case .refused: ["refused"]
            case .accepted: ["ok"]
            }
        }
    }

    @Test("a configuration is taken, or refused in a line, as its seed's name says")
    func configurations() throws {
        try expectNames(of: "nest-configuration") { bytes, _ in
            switch fuzzNestConfiguration(bytes) {
            case .accepted: ["ok"]
            case .refused(.badValue): ["value"]
            case .refused: ["bad"]
            }
        }
    }
}
