// SPDX-License-Identifier: Apache-2.0
public import Glibc

/// Pieces of this process's memory for `readv`, `writev` and their relatives, in storage that is used again.
///
/// Keep one, `removeAll()` it before each request: after the first requests it never allocates.
public struct IOVecs: ~Copyable {
    @usableFromInline var storage: UnsafeMutablePointer<iovec>
    @usableFromInline var capacity: Int
    @usableFromInline var pieceCount = 0
    @usableFromInline var totalByteCount: UInt64 = 0

    /// The number of pieces.
    @inlinable public var count: Int { pieceCount }
    /// The bytes of all pieces together.
    @inlinable public var byteCount: UInt64 { totalByteCount }

    /// Makes an empty list.
    /// - Parameter capacity: the pieces that it takes before it allocates again.
    public init(capacity: Int = 64) {
        self.capacity = max(1, capacity)
        self.storage = .allocate(capacity: self.capacity)
    }

    deinit { storage.deallocate() }

    /// Adds a piece at the end. An empty piece adds nothing.
    @inlinable @inline(__always)
    public mutating func append(_ base: UnsafeMutableRawPointer, byteCount: Int) {
        guard byteCount > 0 else { return }
        totalByteCount &+= UInt64(truncatingIfNeeded: byteCount)
        if pieceCount == capacity { grow() }
        (storage + pieceCount).initialize(to: iovec(iov_base: base, iov_len: byteCount))
        pieceCount &+= 1
    }

    /// Removes all pieces and keeps the storage.
    @inlinable
    public mutating func removeAll() {
        pieceCount = 0
        totalByteCount = 0
    }

    /// Removes bytes from the front, as after a transfer that was cut short.
    public mutating func removeFirst(byteCount drop: UInt64) {
        var left = min(drop, totalByteCount)
        totalByteCount &-= left
        var gone = 0
        while left > 0, gone < count {
            let length = UInt64(storage[gone].iov_len)
            guard length > left else {
                left &-= length
                gone &+= 1
                continue
            }
            storage[gone].iov_base = storage[gone].iov_base.map { $0 + Int(left) }
            storage[gone].iov_len &-= Int(left)
            left = 0
        }
        guard gone > 0 else { return }
        for index in gone..<count { storage[index &- gone] = storage[index] }
        pieceCount &-= gone
    }

    /// The piece of that index, or nil past the end.
    public subscript(index: Int) -> UnsafeMutableRawBufferPointer? {
        guard index >= 0, index < count else { return nil }
        return UnsafeMutableRawBufferPointer(start: storage[index].iov_base, count: storage[index].iov_len)
    }

    /// The pieces as the system calls take them; valid until the next change. A call takes at most 1,024 (`IOV_MAX`).
    public var pointer: UnsafePointer<iovec> { UnsafePointer(storage) }

    @usableFromInline @inline(never)
    mutating func grow() {
        let larger = UnsafeMutablePointer<iovec>.allocate(capacity: capacity &* 2)
        larger.moveInitialize(from: storage, count: count)
        storage.deallocate()
        storage = larger
        capacity &*= 2
    }
}
