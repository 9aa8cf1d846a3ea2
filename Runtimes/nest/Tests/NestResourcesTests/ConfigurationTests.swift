// SPDX-License-Identifier: Apache-2.0
import NestResources
import Testing
import VMMSysUtil

@Suite("Configuration")
struct ConfigurationTests {
    private func parse(_ text: String) throws(ConfigurationError) -> NestConfiguration {
        try NestConfiguration(parsing: Array(text.utf8), file: "f")
    }

    private func description(of text: String) -> String {
        do throws(ConfigurationError) {
            _ = try parse(text)
            return "taken"
        } catch { return error.description }
    }

    @Test("the default file changes nothing, and with its values uncommented neither")
    func defaults() throws {
        let text = NestConfiguration.defaultText
        #expect(try parse(text) == NestConfiguration())
        let lines = text.split(separator: "\n").map { line in
            line.hasPrefix("#") && !line.hasPrefix("# ") ? String(line.dropFirst()) : String(line)
        }
        #expect(try parse(lines.joined(separator: "\n")) == NestConfiguration())
        #expect(lines.filter { $0.contains(" = ") && !$0.hasPrefix("#") }.count == 21)
        #expect(NestConfiguration.defaultText(prefix: "/opt/nest").contains("#kernel = \"/opt/nest/lib/nest/vmlinux\""))
    }

    @Test("values are read with comments, blanks and underscores")
    func values() throws {
        let configuration = try parse(
            """
            # comment
              [vm]   # another
            default_memory=1_024 # MiB\r
            \tkernel = "/a # b \\"c\\" \\\\"\t# not this

            [storage]
            scratch_size = 20480
            [debug]
            seccomp = false # while strace looks
            """)
        var expected = NestConfiguration()
        expected.defaultMemoryMiB = 1024
        expected.kernel = "/a # b \"c\" \\"
        expected.scratchMiB = 20480
        expected.isConfined = false
        #expect(configuration == expected)
        #expect(configuration.scratchBytes == 20480 << 20)
    }

    @Test(
        "what is wrong is named with its line",
        arguments: [
            ("[vm]\nkernle = \"/x\"", "f:2: there is no key vm.kernle"),
            ("kernel = \"/x\"", "f:1: there is no key kernel"),
            ("[storage]\nkernel = \"/x\"", "f:2: there is no key storage.kernel"),
            ("\n[wm]", "f:2: there is no section [wm]"),
            ("[vm", "f:1: ']' is missing"),
            ("[vm] x", "f:1: nothing may follow ']'"),
            ("[vm]\nkernel", "f:2: 'key = value' is wanted"),
            ("[vm]\nkernel =", "f:2: a value is missing"),
            ("[vm]\nkernel = \"/x", "f:2: the closing quote is missing"),
            ("[vm]\nkernel = \"/x\" y", "f:2: nothing may follow the value"),
            ("[vm]\nkernel = \"/x\\n\"", "f:2: only \\\" and \\\\ may follow a backslash"),
            ("[vm]\nkernel = \"x\"", "f:2: vm.kernel: an absolute path in quotes is wanted"),
            ("[vm]\nkernel = 5", "f:2: vm.kernel: an absolute path in quotes is wanted"),
            ("[vm]\nkernel = \"/x\"\nkernel = \"/x\"", "f:3: vm.kernel was set before"),
            ("[debug]\nhold = \"x\"", "f:2: debug.hold: an absolute path in quotes is wanted, or nothing in quotes"),
            ("[debug]\nkernel_parameters = 5", "f:2: debug.kernel_parameters: a text in quotes is wanted"),
            (
                "[debug]\nkernel_parameters = \"a\tb\"",
                "f:2: debug.kernel_parameters: at most 512 printable characters of ASCII are wanted"
            ),
            ("[vm]\ndefault_memory = 5", "f:2: vm.default_memory: 32 to 1048576 is wanted, not 5"),
            (
                "[vm]\ndefault_memory = \"512\"",
                "f:2: vm.default_memory: a number from 32 to 1048576 is wanted, without quotes"
            ),
            ("[vm]\ndefault_memory = 512M", "f:2: '512M' is neither a number, true, false nor a text in quotes"),
            ("[vm]\ndefault_memory = -1", "f:2: '-1' is neither a number, true, false nor a text in quotes"),
            ("[vm]\ndefault_memory = 0512", "f:2: '0512' is neither a number, true, false nor a text in quotes"),
            ("[vm]\ndefault_memory = 5__1", "f:2: '5__1' is neither a number, true, false nor a text in quotes"),
            (
                "[vm]\ndefault_memory = 99999999999999999999",
                "f:2: '99999999999999999999' is neither a number, true, false nor a text in quotes"
            ),
            (
                "[vm]\ndefault_memory = true",
                "f:2: vm.default_memory: a number from 32 to 1048576 is wanted, without quotes"
            ),
            ("[debug]\nseccomp = 0", "f:2: debug.seccomp: true or false is wanted, without quotes"),
            ("[debug]\nseccomp = \"false\"", "f:2: debug.seccomp: true or false is wanted, without quotes"),
            ("[debug]\nseccomp = off", "f:2: 'off' is neither a number, true, false nor a text in quotes"),
            ("[debug]\nseccomp = false true", "f:2: nothing may follow the value"),
            ("[vm]\nkernel = false", "f:2: vm.kernel: a text in quotes is wanted"),
        ])
    func refused(row: (text: String, error: String)) {
        #expect(description(of: row.text) == row.error)
    }

    @Test("bytes that are no text, and files that are none, are refused")
    func files() {
        #expect(throws: ConfigurationError.self) { try NestConfiguration(parsing: [0x5B, 0xFF, 0x5D], file: "f") }
        for (path, cause) in [
            ("/nonexistent/f", Errno.noSuchFile), ("/dev/zero", .invalidArgument), ("/", .invalidArgument),
        ] {
            do throws(ConfigurationError) {
                _ = try NestConfiguration.load(path: path)
                Issue.record("\(path) was taken")
            } catch { #expect(error == .unreadable(file: path, cause)) }
        }
    }
}
