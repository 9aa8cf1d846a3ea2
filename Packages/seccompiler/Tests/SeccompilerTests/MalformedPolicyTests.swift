// SPDX-License-Identifier: Apache-2.0
import Seccompiler
import Testing

/// A text that is no policy, and what is said about it.
struct MalformedPolicy: CustomTestStringConvertible, Sendable {
    let testDescription: String
    let text: String
    let problem: PolicyError.Problem
    var position: SourcePosition?

    init(_ name: String, _ text: String, _ problem: PolicyError.Problem, line: Int? = nil, column: Int = 0) {
        testDescription = name
        self.text = text
        self.problem = problem
        position = line.map { SourcePosition(line: $0, column: column) }
    }

    /// A filter with these rules.
    static func rules(_ rules: String) -> String {
        "{\"f\": {\"default_action\": \"trap\", \"filter_action\": \"allow\", \"filter\": [\(rules)]}}"
    }

    /// A filter with one rule that has this condition.
    static func condition(_ condition: String) -> String {
        rules("{\"syscall\": \"ioctl\", \"args\": [{\(condition)}]}")
    }

    static let json: [MalformedPolicy] = [
        .init("no text", "", .json(.endOfText), line: 1, column: 1),
        .init("an open object", "{\n \"a\"", .json(.endOfText), line: 2, column: 5),
        .init("text after the value", "{}\n x", .json(.trailingText), line: 2, column: 2),
        .init("a second value", "{}{}", .json(.trailingText)),
        .init("a comma before the end", "{\"f\": {},}", .json(.unexpected(0x7D)), line: 1, column: 10),
        .init("a comma before the end of an array", rules("{\"syscall\": \"read\"},"), .json(.unexpected(0x5D))),
        .init("a comment", "// no\n{}", .json(.unexpected(0x2F))),
        .init("single quotes", "{'f': {}}", .json(.unexpected(0x27))),
        .init("a key without quotes", "{f: {}}", .json(.unexpected(0x66))),
        .init("a byte order mark", "\u{FEFF}{}", .json(.unexpected(0xEF))),
        .init("NaN", "NaN", .json(.unexpected(0x4E))),
        .init("half a word", "{\"f\": tru}", .json(.unexpected(0x7D))),
        .init("a tab in a string", "{\"a\tb\": 1}", .json(.unexpected(9))),
        .init("an escape that is none", "{\"\\x\": 1}", .json(.badEscape), line: 1, column: 3),
        .init("half a surrogate pair", "{\"\\ud800\": 1}", .json(.badEscape)),
        .init("two high surrogates", "{\"\\ud800\\ud800\": 1}", .json(.badEscape)),
        .init("short \\u", "{\"\\u12\": 1}", .json(.badEscape)),
        .init("two filters of one name", "{\"f\": {}, \"f\": {}}", .json(.duplicateKey("f")), line: 1, column: 11),
        .init("one key twice through an escape", "{\"f\": {}, \"\\u0066\": {}}", .json(.duplicateKey("f"))),
        .init(
            "a key of a rule twice", rules("{\"syscall\": \"read\", \"syscall\": \"read\"}"),
            .json(.duplicateKey("syscall"))),
        .init(
            "a negative value", condition("\"index\": 1, \"type\": \"dword\", \"op\": \"eq\", \"val\": -1"),
            .json(.negative)),
        .init("a fraction", condition("\"index\": 1.0"), .json(.notAnInteger)),
        .init("an exponent", condition("\"index\": 1e0"), .json(.notAnInteger)),
        .init("a zero in front", condition("\"index\": 01"), .json(.leadingZero)),
        .init("over 64 bits", condition("\"val\": 18446744073709551616"), .json(.numberTooLarge)),
        .init("deep nesting", String(repeating: "[", count: 100_000), .json(.tooDeep)),
        .init("a text over 1 MiB", String(repeating: " ", count: Policy.byteCountMax + 1), .json(.tooLong)),
    ]

    static let shape: [MalformedPolicy] = [
        .init("an array of filters", "[]", .wrongType(expected: "an object of filters", found: "an array")),
        .init("a filter that is null", "{\"f\": null}", .wrongType(expected: "an object", found: "null")),
        .init("an empty filter", "{\"f\": {}}", .missingKey("default_action"), line: 1, column: 7),
        .init(
            "no rules", "{\"f\": {\"default_action\": \"trap\", \"filter_action\": \"allow\"}}", .missingKey("filter")),
        .init(
            "no match action", "{\"f\": {\"default_action\": \"trap\", \"filter\": []}}", .missingKey("filter_action")),
        .init(
            "both spellings", "{\"f\": {\"default_action\": \"trap\", \"mismatch_action\": \"trap\"}}",
            .twoSpellings("default_action", "mismatch_action")),
        .init("an unknown key of a filter", "{\"f\": {\"filters\": []}}", .unknownKey("filters"), line: 1, column: 8),
        .init("an unknown key of a rule", rules("{\"syscal\": \"read\"}"), .unknownKey("syscal")),
        .init("an unknown key of a condition", condition("\"value\": 1"), .unknownKey("value")),
        .init(
            "rules in an object",
            "{\"f\": {\"default_action\": \"trap\", \"filter_action\": \"allow\", \"filter\": {}}}",
            .wrongType(expected: "an array of rules", found: "an object")),
        .init("a rule without a name", rules("{}"), .missingKey("syscall")),
        .init(
            "a name that is a number", rules("{\"syscall\": 0}"), .wrongType(expected: "a string", found: "a number")),
        .init("a call that is none", rules("{\"syscall\": \"raed\"}"), .filter("x86_64 has no system call \"raed\"")),
        .init(
            "a call of another architecture", rules("{\"syscall\": \"riscv_flush_icache\"}"),
            .filter("x86_64 has no system call \"riscv_flush_icache\"")),
        .init("an empty list of conditions", rules("{\"syscall\": \"read\", \"args\": []}"), .noConditions),
        .init(
            "a comment that is a number", rules("{\"syscall\": \"read\", \"comment\": 1}"),
            .wrongType(expected: "a string", found: "a number")),
        .init(
            "argument 6", condition("\"index\": 6, \"type\": \"dword\", \"op\": \"eq\", \"val\": 1"), .argumentIndex(6)),
        .init(
            "an unknown width", condition("\"index\": 0, \"type\": \"word\", \"op\": \"eq\", \"val\": 1"),
            .unknownWidth("word")),
        .init(
            "an unknown operator", condition("\"index\": 0, \"type\": \"dword\", \"op\": \"==\", \"val\": 1"),
            .unknownOperator("==")),
        .init(
            "a mask without a value", condition("\"index\": 0, \"type\": \"dword\", \"op\": \"masked_eq\", \"val\": 1"),
            .unknownOperator("masked_eq")),
        .init(
            "two operators",
            condition("\"index\": 0, \"type\": \"dword\", \"op\": {\"masked_eq\": 1, \"eq\": 1}, \"val\": 1"),
            .notOneMember(2)),
        .init(
            "a value for eq", condition("\"index\": 0, \"type\": \"dword\", \"op\": {\"eq\": 1}, \"val\": 1"),
            .unknownOperator("eq")),
        .init(
            "a dword over 32 bits", condition("\"index\": 0, \"type\": \"dword\", \"op\": \"eq\", \"val\": 4294967296"),
            .valueTooWide(1 << 32)),
        .init(
            "a dword mask over 32 bits",
            condition("\"index\": 0, \"type\": \"dword\", \"op\": {\"masked_eq\": 4294967296}, \"val\": 1"),
            .valueTooWide(1 << 32)),
        .init(
            "a constant that is none",
            condition("\"index\": 0, \"type\": \"dword\", \"op\": \"eq\", \"val\": \"AF_UNICORN\""),
            .unknownConstant("AF_UNICORN")),
        .init(
            "an empty join", condition("\"index\": 0, \"type\": \"dword\", \"op\": \"eq\", \"val\": \"AF_UNIX|\""),
            .unknownConstant("AF_UNIX|")),
        .init("an unknown action", rules("{\"syscall\": \"read\", \"action\": \"deny\"}"), .unknownAction("deny")),
        .init(
            "errno without its value", rules("{\"syscall\": \"read\", \"action\": \"errno\"}"), .unknownAction("errno")),
        .init(
            "allow with a value", rules("{\"syscall\": \"read\", \"action\": {\"allow\": 1}}"), .unknownAction("allow")),
        .init("errno 65536", rules("{\"syscall\": \"read\", \"action\": {\"errno\": 65536}}"), .actionValue(65536)),
        .init(
            "errno 4096", rules("{\"syscall\": \"read\", \"action\": {\"errno\": 4096}}"),
            .filter("errno 4096 is over 4095")),
        .init(
            "an action twice", "{\"f\": {\"default_action\": \"trap\", \"filter_action\": \"trap\", \"filter\": []}}",
            .filter("default and match action are both trap")),
    ]
}

@Suite struct MalformedPolicyTests {
    @Test("what is no JSON of a policy is refused, with its place", arguments: MalformedPolicy.json)
    func json(row: MalformedPolicy) { check(row) }

    @Test("what is no policy is refused, with its place", arguments: MalformedPolicy.shape)
    func shape(row: MalformedPolicy) { check(row) }

    private func check(_ row: MalformedPolicy, _ location: SourceLocation = #_sourceLocation) {
        do throws(PolicyError) {
            _ = try Policy(json: row.text, architecture: .x86_64)
            Issue.record("accepted", sourceLocation: location)
        } catch {
            #expect(error.problem == row.problem, sourceLocation: location)
            if let position = row.position { #expect(error.position == position, sourceLocation: location) }
        }
    }

    @Test("bytes that are no UTF-8 are refused")
    func badUTF8() {
        let bytes: [UInt8] = [0x7B, 0x22, 0xFF, 0x22, 0x3A, 0x7B, 0x7D, 0x7D]
        let isAccepted = bytes.withUnsafeBytes { (try? Policy(json: $0, architecture: .x86_64)) != nil }
        #expect(!isAccepted)
    }

    @Test("no cut-off policy is accepted or ends the process")
    func truncated() {
        let bytes = Array(PolicyTests.full.utf8)
        for count in bytes.indices.dropLast() {
            #expect(throws: PolicyError.self) {
                try Policy(json: String(decoding: bytes[..<count], as: UTF8.self), architecture: .x86_64)
            }
        }
    }
}
