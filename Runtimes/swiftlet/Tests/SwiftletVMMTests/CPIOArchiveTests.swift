// SPDX-License-Identifier: Apache-2.0
import SwiftletVMM
import Testing

@Suite struct CPIOArchiveTests {
    /// The names and contents of a newc archive, read by its field table.
    private func entries(_ archive: [UInt8]) -> [(name: String, mode: Int, contents: [UInt8])] {
        var result: [(String, Int, [UInt8])] = []
        var offset = 0
        func field(_ index: Int) -> Int {
            Int(
                String(decoding: archive[(offset + 6 + index * 8)..<(offset + 14 + index * 8)], as: UTF8.self),
                radix: 16) ?? -1
        }
        while offset + 110 <= archive.count {
            #expect(Array(archive[offset..<(offset + 6)]) == Array("070701".utf8))
            let (mode, size, nameSize) = (field(1), field(6), field(11))
            let name = String(decoding: archive[(offset + 110)..<(offset + 109 + nameSize)], as: UTF8.self)
            let start = (offset + 110 + nameSize + 3) & ~3
            if name == "TRAILER!!!" { return result }
            result.append((name, mode, Array(archive[start..<(start + size)])))
            offset = (start + size + 3) & ~3
        }
        Issue.record("no end mark")
        return result
    }

    @Test("entries come out with name, mode and contents, whatever their lengths")
    func roundTrip() {
        var archive = CPIOArchive()
        archive.addDirectory("d")
        for length in 0..<9 {
            archive.addFile(
                "d/" + String(repeating: "n", count: length + 1), contents: [UInt8](repeating: 7, count: length))
        }
        let bytes = archive.finish()
        #expect(bytes.count.isMultiple(of: 4))
        let read = entries(bytes)
        #expect(read.map(\.name) == ["d"] + (1...9).map { "d/" + String(repeating: "n", count: $0) })
        #expect(read.map(\.contents.count) == [0] + Array(0..<9))
        #expect(read.first?.mode == 0o040755)
        #expect(read.last?.mode == 0o100644)
    }

    @Test("a plan's archive holds its records, NUL-terminated, without quoting")
    func commandPlan() {
        let plan = CommandPlan(arguments: ["sh", "-c", "a b\n\"c\""], environment: ["A=1"], directory: "/d")
        let files = entries(plan.archive())
        #expect(files.map(\.name) == ["swiftlet", "swiftlet/run"])
        let text = String(decoding: files.last?.contents ?? [], as: UTF8.self)
        #expect(text == "root=/dev/vda\0cwd=/d\0arg=sh\0arg=-c\0arg=a b\n\"c\"\0env=A=1\0")
    }
}
