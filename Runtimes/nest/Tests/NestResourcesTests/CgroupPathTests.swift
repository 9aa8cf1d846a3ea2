// SPDX-License-Identifier: Apache-2.0
import Testing

@testable import NestResources

@Suite("A specification's cgroupsPath")
struct CgroupPathTests {
    @Test(
        "names no parent, by its bytes: a slash with an accent behind it is a slash",
        arguments: [
            ("/a/b", "/a/b"), ("a//b/", "/a/b"), ("a-b.slice:cri:c", "/a.slice/a-b.slice/cri-c.scope"),
            ("/a/\u{301}b", "/a/\u{301}b"), ("", nil), ("/", nil), ("/../a", nil), ("/a/./b", nil),
            ("/../\u{301}a", nil), ("/a/../..\u{0}", nil), ("a.slice:x:/\u{301}c", nil), ("a.slice:x/..:c", nil),
        ] as [(String, String?)])
    func paths(text: String, path: String?) {
        #expect((try? CgroupPath.parse(text)).map { Array($0.utf8) } == path.map { Array($0.utf8) })
    }
}
