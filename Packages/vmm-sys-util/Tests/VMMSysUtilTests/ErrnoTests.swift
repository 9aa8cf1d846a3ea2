// SPDX-License-Identifier: Apache-2.0
import Glibc
import Testing
import VMMSysUtil

@Suite struct ErrnoTests {
    @Test("an error is described with the C library's text and its name")
    func describes() { #expect("\(Errno.noSuchFile)" == "No such file or directory (ENOENT)") }

    @Test("a number without a name survives and is described")
    func unknown() {
        let error = Errno(rawValue: 4_000)
        #expect(error.rawValue == 4_000)
        #expect("\(error)" == "error 4000")
    }

    @Test("a call that was interrupted is made again, and any other error is thrown")
    func retries() throws {
        var calls = 0
        let result = try retryOnInterrupt { () -> Int32 in
            calls += 1
            if calls < 3 {
                errno = EINTR
                return -1
            }
            return 7
        }
        #expect(result == 7)
        #expect(calls == 3)
        #expect(throws: Errno.noSpace) {
            try retryOnInterrupt { () -> Int in
                errno = ENOSPC
                return -1
            }
        }
    }
}
