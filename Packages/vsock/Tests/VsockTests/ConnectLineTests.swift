// SPDX-License-Identifier: Apache-2.0
import Testing
import Vsock

@Suite struct ConnectLineTests {
    static func progress(_ text: String) -> ConnectLine.Progress {
        var line = ConnectLine()
        return Array(text.utf8).withUnsafeBytes { line.append($0).progress }
    }

    @Test(
        "a line names a port",
        arguments: [
            ("CONNECT 1024\n", 1024), ("connect 0\n", 0), ("CoNnEcT 4294967295\n", .max), ("CONNECT\t52\n", 52),
            ("CONNECT 52\r\n", 52), ("  CONNECT  52 \n", 52), ("CONNECT 0000000000000000000052\n", 52),
        ] as [(String, UInt32)])
    func lines(text: String, port: UInt32) {
        #expect(Self.progress(text) == .complete(port: port))
    }

    @Test(
        "what is no line is refused",
        arguments: [
            "\n", "CONNECT\n", "CONNECT \n", "CONNECT1024\n", "CONNECT -1\n", "CONNECT +1\n", "CONNECT 4294967296\n",
            "CONNECT 1 2\n", "CONNECTS 1\n", "CONNEC 1\n", "GET / HTTP/1.1\n", "CONNECT 0x10\n", "CONNECT 1\0\n",
            "CONNECT 99999999999999999999999999\n", "C\u{2f}NNECT 1\n",
            String(repeating: " ", count: 32), String(repeating: "A", count: 40),
            "CONNECT 00000000000000000000000052\n",
        ])
    func malformed(text: String) {
        #expect(Self.progress(text) == .malformed)
    }

    @Test("a line may come in pieces of any size, and what follows it is not taken")
    func pieces() {
        let text = Array("connect 65536\nrest".utf8)
        for size in 1...text.count {
            var line = ConnectLine()
            var position = 0
            var progress = ConnectLine.Progress.incomplete
            while progress == .incomplete, position < text.count {
                let used: Int
                (progress, used) = text[position..<min(position + size, text.count)].withUnsafeBytes { line.append($0) }
                position += used
            }
            #expect(progress == .complete(port: 65536))
            #expect(position == 14)
        }
    }
}
