// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory

@Suite struct GuestMemoryTests {
    @Test("what was stored is loaded") func roundTrip() throws {
        let range = try #require(GuestRange(start: GuestAddress(0x1000), byteCount: 0x2000))
        let memory = try GuestMemory.anonymous([range])
        try memory.store(0x1122_3344_5566_7788 as UInt64, at: GuestAddress(0x1ff8))
        #expect(try memory.load(UInt64.self, at: GuestAddress(0x1ff8)) == 0x1122_3344_5566_7788)
        #expect(try memory.load(UInt32.self, at: GuestAddress(0x1ffa)) == 0x3344_5566)
    }
}
