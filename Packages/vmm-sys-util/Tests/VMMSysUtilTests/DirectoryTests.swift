// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil

@Suite struct DirectoryTests {
    private let base = "/tmp/vmm-sys-util-\(getpid())-\(Int.random(in: 0..<1 << 40))"

    private func exists(_ path: String) -> Bool { access(path, F_OK) == 0 }

    @Test("what is missing above is made too, and told, the highest first")
    func makes() throws {
        defer { Directory.removeTree(base) }
        #expect(try Directory.make("\(base)/a/b", mode: 0o700) == [base, "\(base)/a", "\(base)/a/b"])
        #expect(try Directory.make("\(base)/a/b/", mode: 0o700) == [])
        #expect(throws: Errno.invalidArgument) { try Directory.make("\(base)/a\0b", mode: 0o700) }
    }

    @Test("a file in the way is an error")
    func fileInTheWay() throws {
        defer { Directory.removeTree(base) }
        try Directory.make(base, mode: 0o700)
        _ = try FileDescriptor.open("\(base)/file", [.writeOnly, .create])
        #expect(throws: Errno.self) { try Directory.make("\(base)/file/x", mode: 0o700) }
        #expect(Directory.names(in: base) == ["file"])
        #expect(Directory.names(in: "\(base)/file") == [])
    }

    @Test("removing a tree does not follow links out of it")
    func linksStay() throws {
        defer { Directory.removeTree("\(base)-kept") }
        try Directory.make("\(base)/a/b", mode: 0o700)
        try Directory.make("\(base)-kept", mode: 0o700)
        _ = try FileDescriptor.open("\(base)-kept/file", [.writeOnly, .create])
        #expect(symlink("\(base)-kept", "\(base)/a/link") == 0)
        Directory.removeTree(base)
        #expect(!exists(base))
        #expect(exists("\(base)-kept/file"))
        Directory.removeTree(base)
    }

    @Test("a descriptor is read to its end, or refused past the limit")
    func readsToEnd() throws {
        defer { Directory.removeTree(base) }
        do {
            let file = try FileDescriptor.open(base, [.writeOnly, .create])
            try file.writeAll([UInt8](repeating: 7, count: 10_000))
        }
        #expect(try FileDescriptor.open(base).readToEnd(limit: 10_000).count == 10_000)
        #expect(throws: Errno.fileTooLarge) { try FileDescriptor.open(base).readToEnd(limit: 9_999) }
        #expect(try FileDescriptor.open("/dev/null").readToEnd(limit: 0) == [])
    }
}
