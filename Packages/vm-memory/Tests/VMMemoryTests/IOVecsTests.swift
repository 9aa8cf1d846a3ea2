// SPDX-License-Identifier: Apache-2.0
import Testing
import VMMemory

@Suite struct IOVecsTests {
    @Test("it grows, forgets its pieces and uses its storage again")
    func reuse() {
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: 4096, alignment: 8)
        defer { bytes.deallocate() }
        var vectors = IOVecs(capacity: 2)
        for index in 0..<100 { vectors.append(bytes + index * 8, byteCount: 4) }
        #expect(vectors.count == 100)
        #expect(vectors.byteCount == 400)
        #expect(vectors[99]?.baseAddress == bytes + 99 * 8)
        let storage = vectors.pointer
        vectors.removeAll()
        #expect(vectors.count == 0)
        #expect(vectors.byteCount == 0)
        for index in 0..<100 { vectors.append(bytes + index * 8, byteCount: 4) }
        #expect(vectors.pointer == storage)
    }

    @Test("an empty piece adds nothing, and an index past the end gives nil")
    func edges() {
        var byte: UInt8 = 0
        var vectors = IOVecs(capacity: 0)
        withUnsafeMutableBytes(of: &byte) { bytes in
            guard let base = bytes.baseAddress else { return }
            vectors.append(base, byteCount: 0)
            vectors.append(base, byteCount: -1)
        }
        #expect(vectors.count == 0)
        #expect(vectors[0] == nil)
        #expect(vectors[-1] == nil)
    }

    @Test("bytes go from the front, within a piece and across pieces")
    func removeFirst() {
        let bytes = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 8)
        defer { bytes.deallocate() }
        var vectors = IOVecs()
        for index in 0..<3 { vectors.append(bytes + index * 16, byteCount: 10) }
        vectors.removeFirst(byteCount: 4)
        #expect(vectors[0]?.baseAddress == bytes + 4)
        #expect(vectors[0]?.count == 6)
        vectors.removeFirst(byteCount: 6)
        #expect(vectors.count == 2)
        #expect(vectors[0]?.baseAddress == bytes + 16)
        vectors.removeFirst(byteCount: 15)
        #expect(vectors.count == 1)
        #expect(vectors[0]?.baseAddress == bytes + 37)
        #expect(vectors.byteCount == 5)
        vectors.removeFirst(byteCount: .max)
        #expect(vectors.count == 0)
        #expect(vectors.byteCount == 0)
    }
}
