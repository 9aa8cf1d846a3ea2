// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory

@Suite struct VolatileSliceTests {
    @Test("accesses stay inside the slice; one past the end and wrapping offsets are errors of their own")
    func bounds() throws {
        let memory = try memory((0x1000, 0x1000))
        let slice = try memory.slice(at: GuestAddress(0x1000), byteCount: 16)
        try slice.store(1 as UInt64, atByteOffset: 8)
        for offset: UInt64 in [9, 15, 16, 17, 1 << 40] {
            #expect(throws: GuestMemoryError.outOfBounds(offset: offset, byteCount: 8, sliceByteCount: 16)) {
                try slice.load(UInt64.self, atByteOffset: offset)
            }
            #expect(throws: GuestMemoryError.outOfBounds(offset: offset, byteCount: 8, sliceByteCount: 16)) {
                try slice.store(1 as UInt64, atByteOffset: offset)
            }
        }
        #expect(throws: GuestMemoryError.overflow(base: .max, offset: 8)) {
            try slice.load(UInt64.self, atByteOffset: .max)
        }
        #expect(throws: GuestMemoryError.overflow(base: 1, offset: .max)) {
            try slice.subslice(atByteOffset: 1, byteCount: .max)
        }
        #expect(throws: GuestMemoryError.outOfBounds(offset: 16, byteCount: 1, sliceByteCount: 16)) {
            try slice.subslice(atByteOffset: 16, byteCount: 1)
        }
        #expect(throws: GuestMemoryError.outOfBounds(offset: 17, byteCount: 0, sliceByteCount: 16)) {
            try slice.suffix(fromByteOffset: 17)
        }
        #expect(try slice.suffix(fromByteOffset: 16).byteCount == 0)
        #expect(try slice.subslice(atByteOffset: 16, byteCount: 0).byteCount == 0)
    }

    @Test("an element count times the size that does not fit is too big")
    func elements() throws {
        let memory = try memory((0x1000, 0x1000))
        let slice = try memory.slice(at: GuestAddress(0x1000), byteCount: 64)
        let part = try slice.subslice(atByteOffset: 16, elementCount: 3, elementByteCount: 16)
        #expect(part.byteCount == 48)
        #expect(part.guestAddress == GuestAddress(0x1010))
        #expect(throws: GuestMemoryError.tooBig(elementCount: 1 << 61, elementByteCount: 8)) {
            try slice.subslice(atByteOffset: 0, elementCount: 1 << 61, elementByteCount: 8)
        }
        #expect(throws: GuestMemoryError.outOfBounds(offset: 0, byteCount: 80, sliceByteCount: 64)) {
            try slice.subslice(atByteOffset: 0, elementCount: 10, elementByteCount: 8)
        }
    }

    @Test("integers and structures come back at any offset")
    func values() throws {
        let memory = try memory((0x1000, 0x1000))
        let slice = try memory.slice(at: GuestAddress(0x1003), byteCount: 64)
        for offset in UInt64(0)..<40 {
            try slice.store(0x0102_0304_0506_0708 as Int64, atByteOffset: offset)
            #expect(try slice.load(Int64.self, atByteOffset: offset) == 0x0102_0304_0506_0708)
            #expect(try memory.load(Int64.self, at: GuestAddress(0x1003 + offset)) == 0x0102_0304_0506_0708)
            try slice.storePlain(UInt128(offset) << 77, atByteOffset: offset)
            #expect(try slice.loadPlain(as: UInt128.self, atByteOffset: offset) == UInt128(offset) << 77)
        }
    }

    @Test("atomics work on aligned offsets and refuse others with address and alignment")
    func atomics() throws {
        let memory = try memory((0x1000, 0x1000))
        let slice = try memory.slice(at: GuestAddress(0x1004), byteCount: 64)
        try slice.storeRelease(5 as UInt32, atByteOffset: 0)
        #expect(try slice.loadAcquire(UInt32.self, atByteOffset: 0) == 5)
        #expect(try slice.atomicExchange(6 as UInt32, atByteOffset: 0) == 5)
        #expect(try slice.atomicCompareExchange(expected: 6 as UInt32, desired: 7, atByteOffset: 0).exchanged)
        #expect(try slice.atomicOr(8 as UInt32, atByteOffset: 0) == 7)
        #expect(try slice.atomicAnd(9 as UInt32, atByteOffset: 0) == 15)
        try slice.atomicStore(3 as UInt64, atByteOffset: 4, ordering: .sequentiallyConsistent)
        #expect(try slice.atomicLoad(UInt64.self, atByteOffset: 4, ordering: .sequentiallyConsistent) == 3)
        #expect(throws: GuestMemoryError.misaligned(GuestAddress(0x1004), alignment: 8)) {
            try slice.loadAcquire(UInt64.self, atByteOffset: 0)
        }
        #expect(throws: GuestMemoryError.misaligned(GuestAddress(0x1005), alignment: 2)) {
            try slice.storeRelease(1 as UInt16, atByteOffset: 1)
        }
        #expect(throws: GuestMemoryError.outOfBounds(offset: 64, byteCount: 4, sliceByteCount: 64)) {
            try slice.loadAcquire(UInt32.self, atByteOffset: 64)
        }
        #expect(throws: GuestMemoryError.outOfBounds(offset: 61, byteCount: 4, sliceByteCount: 64)) {
            try slice.storeRelease(1 as UInt32, atByteOffset: 61)
        }
    }

    @Test("copies in and out are all or nothing, and slices copy to slices")
    func copies() throws {
        let memory = try memory((0x1000, 0x4000))
        let slice = try memory.slice(at: GuestAddress(0x1001), byteCount: 3000)
        let data = pattern(3000)
        try data.withUnsafeBytes { try slice.copy(from: $0) }
        var back = [UInt8](repeating: 0, count: 3000)
        try back.withUnsafeMutableBytes { try slice.copy(into: $0) }
        #expect(back == data)
        #expect(throws: GuestMemoryError.outOfBounds(offset: 1, byteCount: 3000, sliceByteCount: 3000)) {
            try data.withUnsafeBytes { try slice.copy(from: $0, atByteOffset: 1) }
        }
        #expect(try memory.read(3000, 0x1001) == data)
        let other = try memory.slice(at: GuestAddress(0x3004), byteCount: 3001)
        try slice.copy(to: other)
        #expect(try memory.read(3000, 0x3004) == data)
        #expect(throws: GuestMemoryError.outOfBounds(offset: 0, byteCount: 3001, sliceByteCount: 3000)) {
            try other.copy(to: slice)
        }
    }

    @Test("a slice of memory that is not a guest's works alike")
    func own() throws {
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 8)
        defer { bytes.deallocate() }
        let slice = VolatileSlice(hostAddress: bytes, byteCount: 64)
        try slice.store(77 as UInt16, atByteOffset: 62)
        #expect(bytes.load(fromByteOffset: 62, as: UInt16.self) == 77)
        #expect(throws: GuestMemoryError.self) { try slice.load(UInt16.self, atByteOffset: 63) }
    }
}
