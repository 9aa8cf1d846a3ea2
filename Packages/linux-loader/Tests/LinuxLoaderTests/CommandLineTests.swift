// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import Testing

/// The standard library has a type of this name too.
typealias CommandLine = LinuxLoader.CommandLine

@Suite struct CommandLineTests {
    struct Refused: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let error: CommandLineError
        let act: @Sendable (inout CommandLine) throws(CommandLineError) -> Void

        init(
            _ name: String, _ error: CommandLineError,
            _ act: @escaping @Sendable (inout CommandLine) throws(CommandLineError) -> Void
        ) {
            testDescription = name
            self.error = error
            self.act = act
        }
    }

    static let refused: [Refused] = [
        Refused("tab in text", .notPrintable(byte: 9)) { (l) throws(CommandLineError) in try l.insert("a\tb") },
        Refused("umlaut in text", .notPrintable(byte: 0xc3)) { (l) throws(CommandLineError) in try l.insert("ä") },
        Refused("NUL in a value", .notPrintable(byte: 0)) { (l) throws(CommandLineError) in
            try l.insert(key: "a", value: "\0")
        },
        Refused("newline in a key", .notPrintable(byte: 10)) { (l) throws(CommandLineError) in
            try l.insert(key: "a\n", value: "b")
        },
        Refused("DEL for init", .notPrintable(byte: 0x7f)) { (l) throws(CommandLineError) in
            try l.insertInitArgument("\u{7f}")
        },
        Refused("space in a key", .spaceInKey("a b")) { (l) throws(CommandLineError) in
            try l.insert(key: "a b", value: "c")
        },
        Refused("equals in a key", .equalsInKey("a=")) { (l) throws(CommandLineError) in
            try l.insert(key: "a=", value: "c")
        },
        Refused("empty key", .emptyKey) { (l) throws(CommandLineError) in try l.insert(key: "", value: "c") },
        Refused("unquoted space", .unquotedSpace("b c")) { (l) throws(CommandLineError) in
            try l.insert(key: "a", value: "b c")
        },
        Refused("quoted at the front alone", .quoteInside("\"b c")) { (l) throws(CommandLineError) in
            try l.insert(key: "a", value: "\"b c")
        },
        Refused("inner quote", .quoteInside("\"b\" \"c\"")) { (l) throws(CommandLineError) in
            try l.insert(key: "a", value: "\"b\" \"c\"")
        },
        Refused("lone quote", .quoteInside("\"")) { (l) throws(CommandLineError) in
            try l.insert(key: "a", value: "\"")
        },
        Refused("no values", .noValues(key: "a")) { (l) throws(CommandLineError) in
            try l.insert(key: "a", values: [])
        },
        Refused("bad one of many values", .unquotedSpace("c d")) { (l) throws(CommandLineError) in
            try l.insert(key: "a", values: ["b", "c d"])
        },
        Refused("device of no size", .deviceRange(base: 0x1000, byteCount: 0)) { (l) throws(CommandLineError) in
            try l.insertVirtioMMIODevice(base: 0x1000, byteCount: 0, interrupt: 5)
        },
        Refused("device past the end", .deviceRange(base: .max, byteCount: 2)) { (l) throws(CommandLineError) in
            try l.insertVirtioMMIODevice(base: .max, byteCount: 2, interrupt: 5)
        },
    ]

    @Test("a refused insertion says why and changes nothing", arguments: refused)
    func refuses(_ row: Refused) throws {
        var line = try CommandLine()
        try line.insert("quiet")
        #expect(throws: row.error) { try row.act(&line) }
        #expect(line.description == "quiet")
    }

    @Test("pieces are joined by single spaces, init's behind a double dash")
    func joins() throws {
        var line = try CommandLine()
        try line.insertInitArgument("first")
        try line.insert(key: "console", value: "ttyS0")
        try line.insert("quiet")
        try line.insert(key: "dyndbg", value: "\"file x +p\"")
        try line.insert(key: "isolcpus", values: ["1", "2"])
        try line.insertInitArgument("second")
        #expect(line.description == "console=ttyS0 quiet dyndbg=\"file x +p\" isolcpus=1,2 -- first second")
        #expect(try line.rendered().last == 0)
        #expect(try line.rendered().count == line.description.utf8.count + 1)
    }

    @Test("capacity counts the separators and the NUL")
    func capacity() throws {
        var line = try CommandLine(capacity: 5)
        try line.insert("ab")
        try line.insert("c")
        #expect(throws: CommandLineError.tooLong(needed: 7, capacity: 5)) { try line.insert("d") }
        #expect(line.description == "ab c")
        var exact = try CommandLine(capacity: 8)
        try exact.insert("a")
        #expect(throws: CommandLineError.tooLong(needed: 9, capacity: 8)) { try exact.insertInitArgument("abc") }
        try exact.insertInitArgument("ab")
        #expect(throws: CommandLineError.capacity(0)) { try CommandLine(capacity: 0) }
        #expect(throws: CommandLineError.capacity(-1)) { try CommandLine(capacity: -1) }
    }

    @Test("an empty line renders to its NUL, and needs room for that")
    func empty() throws {
        #expect(try CommandLine(capacity: 1).rendered() == [0])
    }

    @Test("arguments for init alone are refused when rendered, not before")
    func onlyInit() throws {
        var line = try CommandLine()
        try line.insertInitArgument("sh")
        #expect(throws: CommandLineError.onlyInitArguments) { try line.rendered() }
        try line.insert("quiet")
        #expect(try line.rendered() == Array("quiet -- sh\0".utf8))
    }

    @Test("a virtio-mmio device has its size with the largest unit that divides it")
    func devices() throws {
        var line = try CommandLine()
        try line.insertVirtioMMIODevice(base: 0x1000, byteCount: 4096, interrupt: 5)
        try line.insertVirtioMMIODevice(base: 0x2000, byteCount: 0x200, interrupt: 6, id: 3)
        try line.insertVirtioMMIODevice(base: 1 << 32, byteCount: 3 << 20, interrupt: 7)
        try line.insertVirtioMMIODevice(base: 0, byteCount: 1 << 30, interrupt: 8)
        let expected = [
            "virtio_mmio.device=4K@0x1000:5", "virtio_mmio.device=512@0x2000:6:3",
            "virtio_mmio.device=3M@0x100000000:7", "virtio_mmio.device=1G@0x0:8",
        ]
        #expect(line.description == expected.joined(separator: " "))
    }

    @Test(
        "the first unquoted double dash that stands alone starts init's arguments",
        arguments: [
            ("foo -- bar", "foo", "bar"),
            ("  foo   --   bar  ", "foo", "bar"),
            ("foo -- bar -- baz", "foo", "bar -- baz"),
            ("--x x-- -- y", "--x x--", "y"),
            ("a=\"b -- c\" d", "a=\"b -- c\" d", ""),
            ("a=\"b -- c\" -- d", "a=\"b -- c\"", "d"),
            ("foo --", "foo", ""),
            ("foo", "foo", ""),
            ("", "", ""),
            ("a  b", "a  b", ""),
        ])
    func parses(text: String, kernel: String, initPart: String) throws {
        let line = try CommandLine(parsing: text)
        #expect(line.kernelArguments == kernel)
        #expect(line.initArguments == initPart)
    }

    @Test("parsing trims to what fits")
    func parsingTrims() throws {
        let line = try CommandLine(parsing: "   foo   --   bar   ", capacity: 11)
        #expect(line.description == "foo -- bar")
        #expect(throws: CommandLineError.tooLong(needed: 11, capacity: 10)) {
            try CommandLine(parsing: "foo -- bar", capacity: 10)
        }
    }

    @Test("an open quote is refused when parsing")
    func openQuote() {
        #expect(throws: CommandLineError.openQuote) { try CommandLine(parsing: "a=\"b") }
    }

    @Test("lines are equal if their text is, whatever the capacity")
    func equality() throws {
        #expect(try CommandLine(parsing: "a b", capacity: 10) == CommandLine(parsing: "a b", capacity: 20))
        #expect(try CommandLine(parsing: "a b") != CommandLine(parsing: "a c"))
    }

    @Test("a kernel argument is found as a whole word, and not among init's")
    func finds() throws {
        #expect(try CommandLine(parsing: "quiet nokaslr").containsKernelArgument("nokaslr"))
        #expect(try !CommandLine(parsing: "nokaslr2 xnokaslr a=\"b nokaslr\"").containsKernelArgument("nokaslr"))
        #expect(try !CommandLine(parsing: "quiet -- nokaslr").containsKernelArgument("nokaslr"))
        var raw = try CommandLine()
        try raw.insert("quiet -- nokaslr")
        #expect(!raw.containsKernelArgument("nokaslr"))
    }
}
