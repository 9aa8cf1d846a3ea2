// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory

@Suite struct GuestAddressTests {
    @Test("a sum past 2^64 - 1 is nil, the last one below is not")
    func adding() {
        #expect(GuestAddress(.max).adding(0) == GuestAddress(.max))
        #expect(GuestAddress(.max).adding(1) == nil)
        #expect(GuestAddress(1).adding(.max) == nil)
        #expect(GuestAddress(1).adding(.max - 1) == GuestAddress(.max))
    }

    @Test("a difference below zero is nil")
    func subtracting() {
        #expect(GuestAddress(5).subtracting(5) == GuestAddress(0))
        #expect(GuestAddress(5).subtracting(6) == nil)
    }

    @Test("the offset from a higher base is nil")
    func offset() {
        #expect(GuestAddress(0x1000).offset(from: GuestAddress(0xfff)) == 1)
        #expect(GuestAddress(0x1000).offset(from: GuestAddress(0x1000)) == 0)
        #expect(GuestAddress(0x1000).offset(from: GuestAddress(0x1001)) == nil)
    }

    @Test("aligning up gives nil where it would wrap or the alignment is no power of two")
    func alignedUp() {
        #expect(GuestAddress(0x1001).alignedUp(to: 0x1000) == GuestAddress(0x2000))
        #expect(GuestAddress(0x1000).alignedUp(to: 0x1000) == GuestAddress(0x1000))
        #expect(GuestAddress(.max).alignedUp(to: 2) == nil)
        #expect(GuestAddress(.max).alignedUp(to: 1) == GuestAddress(.max))
        #expect(GuestAddress(1).alignedUp(to: 0) == nil)
        #expect(GuestAddress(1).alignedUp(to: 3) == nil)
    }

    @Test("aligning down never traps")
    func alignedDown() {
        #expect(GuestAddress(0x1fff).alignedDown(to: 0x1000) == GuestAddress(0x1000))
        #expect(GuestAddress(.max).alignedDown(to: 1 << 63) == GuestAddress(1 << 63))
        #expect(GuestAddress(7).alignedDown(to: 0) == GuestAddress(7))
        #expect(GuestAddress(0x1000).isAligned(to: 0x1000))
        #expect(!GuestAddress(0x1001).isAligned(to: 2))
    }

    @Test("it prints as hexadecimal and compares as a number")
    func printing() {
        #expect("\(GuestAddress(0x1000))" == "0x1000")
        #expect(GuestAddress(1) < GuestAddress(2))
        #expect(GuestAddress(rawValue: 3).rawValue == 3)
    }
}
