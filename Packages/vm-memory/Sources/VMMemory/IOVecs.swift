// SPDX-License-Identifier: Apache-2.0
public import Glibc

/// Pieces of this process's memory for `readv`, `writev` and their relatives, in storage that is used again.
///
/// Keep one, `removeAll()` it before each request: after the first requests it never allocates.
public struct IOVecs: ~Copyable {
    private var storage: UnsafeMutablePointer<iovec>
    private var capacity: Int
    /// The number of pieces.
    public private(set) var count = 0
    /// The bytes of all pieces together.
    public private(set) var byteCount: UInt64 = 0

    /// Makes an empty list.
    /// - Parameter capacity: the pieces that it takes before it allocates again.
    public init(capacity: Int = 64) {
        self.capacity = max(1, capacity)
        self.storage = .allocate(capacity: self.capacity)
    }

    deinit { storage.deallocate() }

    /// Adds a piece at the end. An empty piece adds nothing.
    public mutating func append(_ base: UnsafeMutableRawPointer, byteCount: Int) {
        guard byteCount > 0 else { return }
        self.byteCount &+= UInt64(byteCount)
        if count == capacity { grow() }
        (storage + count).initialize(to: iovec(iov_base: base, iov_len: byteCount))
        count &+= 1
    }

    /// Removes all pieces and keeps the storage.
    public mutating func removeAll() {
        count = 0
        byteCount = 0
    }

    /// Removes bytes from the front, as after a transfer that was cut short.
    public mutating func removeFirst(byteCount drop: UInt64) {
        var left = min(drop, byteCount)
        byteCount &-= left
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
        count &-= gone
    }

    /// The piece of that index, or nil past the end.
    public subscript(index: Int) -> UnsafeMutableRawBufferPointer? {
        guard index >= 0, index < count else { return nil }
        return UnsafeMutableRawBufferPointer(start: storage[index].iov_base, count: storage[index].iov_len)
    }

    /// The pieces as the system calls take them; valid until the next change. A call takes at most 1,024 (`IOV_MAX`).
    public var pointer: UnsafePointer<iovec> { UnsafePointer(storage) }

    private mutating func grow() {
        let larger = UnsafeMutablePointer<iovec>.allocate(capacity: capacity &* 2)
        larger.moveInitialize(from: storage, count: count)
        storage.deallocate()
        storage = larger
        capacity &*= 2
    }
}
