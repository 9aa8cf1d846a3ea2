// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory
import VMMemoryTestSupport

@Suite struct HostileTests {
    /// A field and eight bytes behind it, without padding.
    struct Record<Field: GuestInteger>: PlainBytes {
        var field: Field
        var rest: (UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8, UInt8)

        init(_ byte: UInt8) {
            field = Field(truncatingIfNeeded: UInt64(byte) &* 0x0101_0101_0101_0101)
            rest = (byte, byte, byte, byte, byte, byte, byte, byte)
        }
    }

    /// The field ends one region and the rest starts the next; both threads move the whole record.
    private func checkTearing<Field: GuestInteger>(_: Field.Type) throws {
        let memory = try memory((0, 0x1000), (0x1000, 0x1000))
        let address = GuestAddress(0x1000 - UInt64(MemoryLayout<Field>.size))
        let (zero, ones) = (Record<Field>(0), Record<Field>(0xff))
        let writer = HostileWriter { round in
            try? memory.storePlain(round % 2 == 0 ? zero : ones, at: address)
        }
        writer.waitForRounds(1)
        for _ in 0..<20_000 {
            let field = try memory.loadPlain(as: Record<Field>.self, at: address).field
            guard field == zero.field || field == ones.field else {
                Issue.record("half-written \(Field.self): \(String(field, radix: 16))")
                break
            }
        }
        writer.stop()
        #expect(writer.rounds > 0)
    }

    @Test("an aligned field of a record across two regions is never seen half-written")
    func tearingAcrossRegions() throws {
        try checkTearing(UInt8.self)
        try checkTearing(UInt16.self)
        try checkTearing(UInt32.self)
        try checkTearing(UInt64.self)
    }

    @Test(
        "aligned fields anywhere in a larger copy are never seen half-written",
        arguments: [0, 1, 2, 4, 6, 8, 12, 15] as [UInt64])
    func tearingInsideCopies(skew: UInt64) throws {
        let memory = try memory((0x1000, 0x1000))
        let count = 200
        let zeros = [UInt8](repeating: 0, count: count)
        let ones = [UInt8](repeating: 0xff, count: count)
        let start = 0x1100 + skew
        let writer = HostileWriter { round in
            try? memory.write(round % 2 == 0 ? zeros : ones, start)
        }
        writer.waitForRounds(1)
        var torn = 0
        for _ in 0..<2_000 {
            let bytes = try memory.read(count, start)
            // An aligned field of 8 bytes that is whole has whole fields of 2 and 4 bytes in it.
            let edges = [0, (8 - Int(start) % 8) % 8, count - (Int(start) + count) % 8, count]
            for index in stride(from: edges[1], to: edges[2], by: 8)
            where bytes[index..<index + 8].contains(~bytes[index]) {
                torn += 1
            }
            // The ends hold fields of 2 bytes, and of 4 where there is room.
            for (low, high) in [(edges[0], edges[1]), (edges[2], edges[3])] {
                for size in [2, 4] {
                    let first = low + (size - (Int(start) + low) % size) % size
                    for index in stride(from: first, through: high - size, by: size)
                    where bytes[index..<index + size].contains(~bytes[index]) {
                        torn += 1
                    }
                }
            }
        }
        writer.stop()
        #expect(torn == 0)
    }

    @Test("a value that was read once stays what it was, whatever the guest writes")
    func readOnce() throws {
        let memory = try memory((0x1000, 0x1000))
        let writer = HostileWriter(memory, at: GuestAddress(0x1008), [1, 0xffff_ffff] as [UInt32])
        writer.waitForRounds(1)
        for _ in 0..<10_000 {
            let length = try memory.load(UInt32.self, at: GuestAddress(0x1008))
            guard length <= 0x800 else { continue }
            // The check holds for the local, so this access is inside memory every time.
            _ = try memory.slice(at: GuestAddress(0x1800 - UInt64(length)), byteCount: UInt64(length))
            guard length == 1 else {
                Issue.record("the checked value changed to \(length)")
                break
            }
        }
        writer.stop()
    }

    @Test("no address and length that a guest can choose traps")
    func everyCorner() throws {
        let memory = try memory((0, 0x1000), (0x1000, 0x1003), (0xffff_ffff_ffff_f000, 0xfff))
        var vectors = IOVecs()
        let corners: [UInt64] = [
            0, 1, 7, 0xfff, 0x1000, 0x1fff, 0x2002, 0x2003, 1 << 32, 1 << 63, ~0xfff, ~0xffe, .max - 1, .max,
        ]
        for address in corners {
            let place = GuestAddress(address)
            _ = try? memory.load(UInt64.self, at: place)
            _ = try? memory.load(UInt8.self, at: place)
            _ = try? memory.store(1 as UInt32, at: place)
            _ = try? memory.loadPlain(as: UInt128.self, at: place)
            _ = try? memory.atomicOr(1 as UInt16, at: place)
            for count in corners {
                _ = memory.contains(place, byteCount: count)
                if count != .max { _ = try? memory.slice(at: place, byteCount: count) }
                if let range = GuestRange(start: place, byteCount: count) {
                    _ = try? memory.appendIOVecs(of: range, to: &vectors)
                    memory.markDirty(range)
                }
                if count < 0x3000 { _ = try? memory.read(Int(count), address) }
                let slice = try memory.slice(at: GuestAddress(8), byteCount: 100)
                _ = try? slice.load(UInt64.self, atByteOffset: address)
                _ = try? slice.subslice(atByteOffset: address, byteCount: count)
                _ = try? slice.subslice(atByteOffset: address, elementCount: count, elementByteCount: address)
            }
        }
    }
}
