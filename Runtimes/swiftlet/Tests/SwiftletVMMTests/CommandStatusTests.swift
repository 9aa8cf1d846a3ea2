// SPDX-License-Identifier: Apache-2.0
import SwiftletVMM
import Testing

@Suite struct CommandStatusTests {
    @Test(
        "a status line of the guest's init becomes the exit status a shell would give",
        arguments: [
            ("exited 0", 0), ("exited 255", 255), ("signalled 9", 137), ("notfound", 127), ("notexecutable", 126),
            ("failed mount: errno 5", 125),
        ] as [(String, UInt8)])
    func lineBecomesStatus(line: String, status: UInt8) {
        #expect(CommandStatus(line: line)?.exitStatus == status)
    }

    @Test(
        "any other line is refused",
        arguments: [
            "", "exited", "exited 256", "exited -1", "signalled 0", "signalled 65", "exited 0 0", "Exited 0",
            "notfound x",
        ])
    func otherLinesAreRefused(line: String) {
        #expect(CommandStatus(line: line) == nil)
    }

    @Test("a text of the guest's carries no control characters to the terminal")
    func textIsPrintable() {
        #expect(CommandStatus(line: "failed a\u{1B}[2Jb") == .failed("a[2Jb"))
    }
}
