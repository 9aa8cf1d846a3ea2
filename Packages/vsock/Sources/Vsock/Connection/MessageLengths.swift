// SPDX-License-Identifier: Apache-2.0

/// Where the messages end whose bytes a connection keeps for the host.
///
/// A length takes one byte for each 7 bits of it. So lengths need no more memory than the messages, which the guest's
/// credit bounds, and those without a byte are the only ones that could come without end.
final class MessageLengths {
    /// Lengths of the whole messages behind the first.
    private var rest: ByteRing
    /// The length of the first message that is whole; nil if there is none.
    private(set) var first: Int?
    /// Bytes at the end that are of a message whose end has not come.
    private(set) var openByteCount = 0

    /// - Parameter capacity: for how many bytes of messages.
    init(capacity: Int) { rest = ByteRing(capacity: capacity) }

    /// Adds bytes to the message that has not ended.
    func extend(_ byteCount: Int) { openByteCount &+= byteCount }

    /// Ends the message.
    /// - Returns: false if there is no room for its length, as of too many without a byte, or no memory.
    func end() -> Bool {
        defer { openByteCount = 0 }
        guard first != nil else {
            first = openByteCount
            return true
        }
        return withUnsafeTemporaryAllocation(byteCount: 10, alignment: 1) { bytes in
            var left = UInt64(UInt(bitPattern: openByteCount))
            var count = 0
            repeat {
                bytes[count] = UInt8(left & 0x7f) | (left > 0x7f ? 0x80 : 0)
                left >>= 7
                count &+= 1
            } while left > 0
            return rest.append(UnsafeRawBufferPointer(rebasing: bytes.prefix(count)))
        }
    }

    /// Drops the length of the first message.
    func removeFirst() {
        guard !rest.isEmpty else {
            first = nil
            return
        }
        var length: UInt64 = 0
        var shift: UInt64 = 0
        while let byte = rest.popFirst() {
            length |= UInt64(byte & 0x7f) << shift
            shift &+= 7
            if byte < 0x80 { break }
        }
        first = Int(truncatingIfNeeded: length)
    }

    /// Forgets the message that has not ended.
    /// - Returns: how many bytes of it are kept.
    func removeOpen() -> Int {
        defer { openByteCount = 0 }
        return openByteCount
    }

    func removeAll() {
        rest.removeAll()
        first = nil
        openByteCount = 0
    }
}
