// SPDX-License-Identifier: Apache-2.0

/// What can be chosen of a vsock device. Values out of range are held to it.
public struct VsockOptions: Sendable, Equatable {
    /// Connections at one time, those that are opening and closing included. A program or guest that wants one more is
    /// refused.
    public var connectionLimit = 1023
    /// Bytes kept for each connection that the guest sent and the host has not taken; 4 KiB to 16 MiB. Memory is taken
    /// only while there are such bytes.
    public var bufferByteCount: UInt32 = 256 << 10
    /// Bytes kept for all connections together. When most of it is promised, new connections get less, 4 KiB at least.
    public var bufferTotalByteCountMax = 64 << 20
    /// The longest payload of a packet to the guest; the guest's buffers bound it as well.
    public var payloadByteCountMax: UInt32 = 64 << 10
    /// How many RSTs may wait for the guest to take them before nothing more is read from it.
    public var pendingResetLimit = 256
    /// How long the guest may take to answer a connection of the host, and a full backlog of the host one of the guest.
    public var requestTimeout: Duration = .seconds(5)
    /// How long a program may take to say where it wants to go.
    public var lineTimeout: Duration = .seconds(10)
    /// How long the guest may keep a connection that the host closed, after all of it was read.
    public var shutdownTimeout: Duration = .seconds(2)
    /// The largest size of each queue, a power of two.
    public var queueSize: UInt16 = 256
    /// The host's port that was given out last, from `VsockDevice.lastHostPort` of a machine that was saved: its guest
    /// may still remember those ports.
    public var lastHostPort: UInt32?

    /// The usual ones.
    public init() {}

    var heldBufferByteCount: UInt32 { min(max(bufferByteCount, 4 << 10), 16 << 20) }
}

/// The context identifier of a guest (virtio 1.2, 5.10.4).
public struct GuestCID: Hashable, Sendable, CustomStringConvertible {
    /// The number.
    public let rawValue: UInt64
    /// The host's own number.
    public static let host: UInt64 = 2

    /// - Returns: nil for 0 to 2 and from 2^32 - 1 on, which are reserved (virtio 1.2, 5.10.4).
    public init?(_ rawValue: UInt64) {
        guard rawValue > 2, rawValue < 0xffff_ffff else { return nil }
        self.rawValue = rawValue
    }

    /// The number in decimal.
    public var description: String { String(rawValue) }
}

/// What a device has seen since it was made.
public struct VsockCounters: Sendable, Equatable {
    /// Connections that both ends agreed to.
    public internal(set) var opened: UInt64 = 0
    /// Connections that one end refused, or that the limit did.
    public internal(set) var refused: UInt64 = 0
    /// Payload that the guest was given.
    public internal(set) var bytesToGuest: UInt64 = 0
    /// Payload that came from the guest.
    public internal(set) var bytesFromGuest: UInt64 = 0
    /// Chains of the guest that were no packet, or had no room for one.
    public internal(set) var malformed: UInt64 = 0
    /// Packets of the guest in another's name, or to another than the host.
    public internal(set) var misaddressed: UInt64 = 0
    /// Connections that ended because the guest broke a rule of theirs.
    public internal(set) var violations: UInt64 = 0
    /// Connections that ended because of a message, of either side, that is larger than the other's buffer.
    public internal(set) var overlongMessages: UInt64 = 0

    /// All zero.
    public init() {}
}
