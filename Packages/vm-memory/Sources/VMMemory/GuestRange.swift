// SPDX-License-Identifier: Apache-2.0

/// A half-open range of guest addresses whose exclusive end still fits in 64 bits.
///
/// A value of this type cannot wrap around, so code that holds one adds its parts without checking again. It may be
/// empty. It never includes the last byte of the address space, 2^64 − 1.
@frozen
public struct GuestRange: Hashable, Sendable {
    /// The first address.
    public let start: GuestAddress
    /// The number of bytes; zero for an empty range.
    public let byteCount: UInt64

    /// Makes a range, or nil if its exclusive end is 2^64 or more.
    @inlinable
    public init?(start: GuestAddress, byteCount: UInt64) {
        guard start.adding(byteCount) != nil else { return nil }
        self.start = start
        self.byteCount = byteCount
    }

    /// Makes the range from `start` up to, not including, `end`; nil if `end` is lower.
    @inlinable
    public init?(start: GuestAddress, end: GuestAddress) {
        guard let byteCount = end.offset(from: start) else { return nil }
        self.start = start
        self.byteCount = byteCount
    }

    /// The address behind the last byte.
    @inlinable
    public var end: GuestAddress { GuestAddress(start.rawValue &+ byteCount) }

    /// Whether the range has no bytes.
    @inlinable
    public var isEmpty: Bool { byteCount == 0 }

    /// Whether the byte at `address` belongs to the range.
    @inlinable
    public func contains(_ address: GuestAddress) -> Bool { address.rawValue &- start.rawValue < byteCount }

    /// Whether every byte of `other` belongs to the range; true of an empty range that starts within or at the end.
    @inlinable
    public func contains(_ other: GuestRange) -> Bool { other.start >= start && other.end <= end }

    /// Whether at least one byte belongs to both.
    @inlinable
    public func overlaps(_ other: GuestRange) -> Bool {
        !isEmpty && !other.isEmpty && start < other.end && other.start < end
    }

    /// The bytes that belong to both, or nil if there are none.
    @inlinable
    public func intersection(_ other: GuestRange) -> GuestRange? {
        overlaps(other) ? GuestRange(start: max(start, other.start), end: min(end, other.end)) : nil
    }

    /// The parts below and from `address`, or nil if it lies outside.
    @inlinable
    public func split(at address: GuestAddress) -> (GuestRange, GuestRange)? {
        guard address >= start, address <= end,
            let low = GuestRange(start: start, end: address), let high = GuestRange(start: address, end: end)
        else { return nil }
        return (low, high)
    }
}

extension GuestRange: CustomStringConvertible {
    /// Start and exclusive end in hexadecimal, such as `0x1000..<0x2000`.
    public var description: String { "\(start)..<\(end)" }
}
