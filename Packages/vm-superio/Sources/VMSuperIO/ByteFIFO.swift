// SPDX-License-Identifier: Apache-2.0

/// A queue of bytes with room for a fixed number; it allocates once.
struct ByteFIFO: Sendable {
    private var storage: [UInt8]
    private var head = 0
    private(set) var count = 0

    init(capacity: Int) { storage = [UInt8](repeating: 0, count: max(1, capacity)) }

    var isEmpty: Bool { count == 0 }
    var room: Int { storage.count - count }

    /// Adds a byte.
    /// - Returns: false, having done nothing, if there is no room.
    @discardableResult
    mutating func append(_ byte: UInt8) -> Bool {
        guard room > 0 else { return false }
        storage[(head + count) % storage.count] = byte
        count += 1
        return true
    }

    mutating func removeFirst() -> UInt8? {
        guard count > 0 else { return nil }
        defer {
            head = (head + 1) % storage.count
            count -= 1
        }
        return storage[head]
    }

    mutating func removeAll() { (head, count) = (0, 0) }

    /// The bytes, oldest first.
    var bytes: [UInt8] { (0..<count).map { storage[(head + $0) % storage.count] } }
}
