// SPDX-License-Identifier: Apache-2.0
internal import VMMemory

/// A place in one part of a chain and how far it may go from there: the common half of reader and writer.
struct ChainCursor {
    let buffers: ChainBuffers
    let isWritable: Bool
    var remaining: UInt64
    var position: UInt64 = 0
    /// The piece that comes next and how much of it is gone.
    var piece = 0
    var offset = 0

    init(_ buffers: ChainBuffers, isWritable: Bool, remaining: UInt64) {
        self.buffers = buffers
        self.isWritable = isWritable
        self.remaining = remaining
    }

    /// The next contiguous bytes, at most `limit` of them, without taking them. nil at the end, and if the buffers
    /// were filled with something shorter meanwhile.
    func peek(_ limit: Int) -> UnsafeMutableRawBufferPointer? {
        guard remaining > 0, limit > 0 else { return nil }
        guard let bytes = isWritable ? buffers.writable[piece] : buffers.readable[piece],
            let base = bytes.baseAddress, offset < bytes.count
        else { return nil }
        let count = min(bytes.count &- offset, limit, Int(clamping: remaining))
        return UnsafeMutableRawBufferPointer(start: base + offset, count: count)
    }

    /// Takes bytes that `peek` showed.
    mutating func advance(_ count: Int) {
        remaining &-= UInt64(count)
        position &+= UInt64(count)
        offset &+= count
        let length = (isWritable ? buffers.writable[piece] : buffers.readable[piece])?.count ?? 0
        if offset >= length {
            piece &+= 1
            offset = 0
        }
    }

    mutating func skip(_ byteCount: UInt64) -> UInt64 {
        var left = byteCount
        while let bytes = peek(Int(clamping: left)) {
            advance(bytes.count)
            left &-= UInt64(bytes.count)
        }
        return byteCount &- left
    }

    /// Takes so many bytes off the front as a cursor of their own.
    mutating func split(_ byteCount: UInt64) -> ChainCursor? {
        guard byteCount <= remaining else { return nil }
        var front = self
        front.remaining = byteCount
        front.position = 0
        guard skip(byteCount) == byteCount else { return nil }
        position = 0
        return front
    }

    func appendVectors(to vectors: inout IOVecs) {
        var rest = self
        while let bytes = rest.peek(Int.max), let base = bytes.baseAddress {
            vectors.append(base, byteCount: bytes.count)
            rest.advance(bytes.count)
        }
    }
}
