// SPDX-License-Identifier: Apache-2.0

/// An integer that lies in memory with its lowest byte first, as in virtio rings and boot structures.
@frozen
public struct LittleEndian<Integer: GuestInteger>: PlainBytes, Hashable, Sendable {
    /// The integer as it lies in memory.
    public var stored: Integer

    /// The integer in the host's byte order.
    @inlinable
    public var value: Integer {
        get { Integer(littleEndian: stored) }
        set { stored = newValue.littleEndian }
    }

    /// Wraps an integer in the host's byte order.
    @inlinable
    public init(_ value: Integer) { stored = value.littleEndian }
}

/// An integer that lies in memory with its highest byte first, as in device trees and on networks.
@frozen
public struct BigEndian<Integer: GuestInteger>: PlainBytes, Hashable, Sendable {
    /// The integer as it lies in memory.
    public var stored: Integer

    /// The integer in the host's byte order.
    @inlinable
    public var value: Integer {
        get { Integer(bigEndian: stored) }
        set { stored = newValue.bigEndian }
    }

    /// Wraps an integer in the host's byte order.
    @inlinable
    public init(_ value: Integer) { stored = value.bigEndian }
}
