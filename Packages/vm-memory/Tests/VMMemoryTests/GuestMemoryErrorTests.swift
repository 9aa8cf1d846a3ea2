// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMSysUtil
import VMMemory

@Suite struct GuestMemoryErrorTests {
    @Test("an error is one line with what was done, where, and the cause last")
    func descriptions() throws {
        let cases: [(GuestMemoryError, String)] = [
            (.unmapped(GuestAddress(0x1000)), "guest address 0x1000: not in any region"),
            (
                .partial(GuestAddress(0x1ff0), expected: 32, completed: 16),
                "guest address 0x1ff0: 16 of 32 bytes before a hole"
            ),
            (.readOnly(GuestAddress(0xf0000)), "guest address 0xf0000: in a read-only region"),
            (
                .overlappingRegions(try range(0, 0x2000), try range(0x1000, 0x1000)),
                "regions 0x0..<0x2000 and 0x1000..<0x2000 overlap"
            ),
            (
                .system(.map, GuestAddress(0), byteCount: 4096, completed: 0, .noMemory),
                "mmap at guest address 0x0, 4096 bytes: \(Errno.noMemory)"
            ),
            (
                .system(.read, GuestAddress(0), byteCount: 4096, completed: 12, .inputOutput),
                "read at guest address 0x0, 4096 bytes, after 12: \(Errno.inputOutput)"
            ),
            (.misaligned(GuestAddress(1), alignment: 8), "guest address 0x1: not a multiple of 8"),
        ]
        for (error, text) in cases {
            #expect("\(error)" == text)
        }
    }
}
