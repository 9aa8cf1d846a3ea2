// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMemory
internal import VirtioQueue

/// A bounded queue of bytes: what the guest sent and the host has not taken yet. It has memory only while it has bytes,
/// so an idle connection costs none.
struct ByteRing: ~Copyable {
    private let capacity: Int
    private var storage: UnsafeMutableRawPointer?
    private var start = 0
    private(set) var count = 0

    init(capacity: Int) { self.capacity = max(capacity, 1) }

    deinit { free(storage) }

    var isEmpty: Bool { count == 0 }

    /// Takes all that is left of a reader.
    /// - Returns: false, and nothing is taken, if there is no room or no memory.
    mutating func append(_ reader: ChainReader) -> Bool {
        guard reader.remaining <= UInt64(capacity &- count) else { return false }
        var reader = reader
        while reader.remaining > 0 {
            guard let piece = freePiece() else { return false }
            let done = reader.read(into: piece)
            guard done > 0 else { return false }
            count &+= done
        }
        return true
    }

    /// Takes all of the bytes.
    /// - Returns: false, and nothing is taken, if there is no room or no memory.
    mutating func append(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count <= capacity &- count else { return false }
        var rest = bytes
        while !rest.isEmpty {
            guard let piece = freePiece(), !piece.isEmpty else { return false }
            let part = UnsafeRawBufferPointer(rebasing: rest.prefix(piece.count))
            piece.copyMemory(from: part)
            count &+= part.count
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(part.count))
        }
        return true
    }

    /// The next bytes that are free, up to where the ring wraps.
    private mutating func freePiece() -> UnsafeMutableRawBufferPointer? {
        if storage == nil {
            guard let memory = malloc(capacity) else { return nil }
            storage = memory
            start = 0
        }
        guard let storage else { return nil }
        var end = start &+ count
        if end >= capacity { end &-= capacity }
        let room = end < start ? start &- end : capacity &- end
        return UnsafeMutableRawBufferPointer(start: storage + end, count: min(room, capacity &- count))
    }

    /// Adds the bytes, in order, to what a system call will be given; valid until the next change.
    /// - Parameters:
    ///   - vectors: gets at most two pieces.
    ///   - limit: how many bytes at most.
    func appendVectors(to vectors: inout IOVecs, limit: Int = .max) {
        guard let storage else { return }
        let count = min(count, limit)
        let first = min(count, capacity &- start)
        vectors.append(storage + start, byteCount: first)
        vectors.append(storage, byteCount: count &- first)
    }

    /// Takes the first byte.
    mutating func popFirst() -> UInt8? {
        guard let storage, count > 0 else { return nil }
        let byte = storage.load(fromByteOffset: start, as: UInt8.self)
        removeFirst(1)
        return byte
    }

    /// Drops bytes from the front.
    mutating func removeFirst(_ byteCount: Int) {
        let gone = min(byteCount, count)
        start &+= gone
        if start >= capacity { start &-= capacity }
        count &-= gone
        if count == 0 { removeAll() }
    }

    /// Drops bytes from the end.
    mutating func removeLast(_ byteCount: Int) {
        count &-= min(byteCount, count)
        if count == 0 { removeAll() }
    }

    mutating func removeAll() {
        free(storage)
        storage = nil
        start = 0
        count = 0
    }
}
