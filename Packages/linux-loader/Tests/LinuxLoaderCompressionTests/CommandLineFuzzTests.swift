// SPDX-License-Identifier: Apache-2.0
import LinuxLoader
import LinuxLoaderTestSupport
import Testing

@Suite struct CommandLineFuzzTests {
    @Test(
        "a command line of the corpus comes to what its name says",
        arguments: [
            ("ok-kernel", "console=ttyS0 quiet root=/dev/vda ro"), ("ok-init", #"quiet -- /bin/sh -c "a b""#),
            ("ok-quotes", #"dyndbg="file drivers/usb/* +p" x"#), ("ok-spaces", "a  b -- c  d"),
            ("ok-only-init", " -- x"), ("ok-empty", ""), ("ok-fits", "quiet"),
            ("ok-insert", #"quiet key=value k="a b" plain"#), ("ok-insert-refused", "quiet"),
            ("ok-insert-full", "quiet"), ("ok-separators", "a -- b -- c --"), ("bad-long", nil), ("bad-quote", nil),
            ("bad-utf8", nil), ("bad-control", nil), ("bad-capacity", nil),
        ])
    func seeds(name: String, text: String?) throws {
        let bytes = try #require(CorpusTests.read("../command-line/" + name))
        let result = bytes.withUnsafeBytes { fuzzCommandLine($0) }
        #expect((result.error == nil ? result.text : nil) == text)
    }
}
