// SPDX-License-Identifier: Apache-2.0
internal import Glibc
internal import VMMemory
internal import VirtioQueue

/// Small packets that a guest sent one after the other on one connection, copied together so that the host gets them
/// with one call. Empty whenever the device does anything else than to take the guest's packets.
struct GatheredPackets: ~Copyable {
    /// Larger ones go straight from guest memory: a copy would cost more than a call.
    static let packetByteCountMax: UInt32 = 4096
    private static let capacity = 32 << 10

    private var storage: UnsafeMutableRawPointer?
    private(set) var count = 0
    /// Whose they are; nil if there are none.
    private(set) var connection: Connection?

    init() {}

    deinit { free(storage) }

    /// Takes a packet.
    /// - Returns: false, and nothing is taken, if there is no room, no memory, or something of another connection.
    mutating func append(_ payload: ChainReader, of connection: Connection) -> Bool {
        guard self.connection == nil || self.connection === connection,
            payload.remaining <= UInt64(Self.capacity &- count)
        else { return false }
        if storage == nil { storage = malloc(Self.capacity) }
        guard let storage else { return false }
        var payload = payload
        let byteCount = Int(truncatingIfNeeded: payload.remaining)
        guard payload.readAll(into: UnsafeMutableRawBufferPointer(start: storage + count, count: byteCount)) else {
            return false
        }
        count &+= byteCount
        self.connection = connection
        return true
    }

    /// Takes everything out: whose it is, and the bytes, which stay valid until the next `append`.
    mutating func take() -> (connection: Connection, bytes: UnsafeMutableRawBufferPointer)? {
        guard let connection, let storage else { return nil }
        defer {
            self.connection = nil
            count = 0
        }
        return (connection, UnsafeMutableRawBufferPointer(start: storage, count: count))
    }

    /// Gives the memory back.
    mutating func removeAll() {
        free(storage)
        storage = nil
        count = 0
        connection = nil
    }
}
