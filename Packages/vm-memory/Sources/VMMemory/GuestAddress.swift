// SPDX-License-Identifier: Apache-2.0

/// An address in the guest's physical address space, in bytes.
///
/// It is a number that the guest may have chosen: arithmetic on it is checked and never traps.
@frozen
public struct GuestAddress: RawRepresentable, Hashable, Comparable, Sendable {
    /// The address as an integer.
    public var rawValue: UInt64

    /// Wraps an integer.
    @inlinable
    public init(_ rawValue: UInt64) { self.rawValue = rawValue }

    /// Wraps an integer.
    @inlinable
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The address `offset` bytes higher, or nil where the sum does not fit in 64 bits.
    @inlinable
    public func adding(_ offset: UInt64) -> GuestAddress? {
        let (sum, overflow) = rawValue.addingReportingOverflow(offset)
        return overflow ? nil : GuestAddress(sum)
    }

    /// The address `offset` bytes lower, or nil below zero.
    @inlinable
    public func subtracting(_ offset: UInt64) -> GuestAddress? {
        let (difference, overflow) = rawValue.subtractingReportingOverflow(offset)
        return overflow ? nil : GuestAddress(difference)
    }

    /// How many bytes this address lies above `base`, or nil if it lies below.
    @inlinable
    public func offset(from base: GuestAddress) -> UInt64? {
        rawValue >= base.rawValue ? rawValue &- base.rawValue : nil
    }

    /// The lowest multiple of `alignment` at or above this address; nil where it does not fit in 64 bits, or where
    /// `alignment` is not a power of two.
    @inlinable
    public func alignedUp(to alignment: UInt64) -> GuestAddress? {
        guard alignment.nonzeroBitCount == 1 else { return nil }
        return adding(alignment &- 1)?.alignedDown(to: alignment)
    }

    /// The highest multiple of `alignment` at or below this address. `alignment` is a power of two; any other value
    /// gives a multiple of its lowest set bit, and 0 leaves the address as it is.
    @inlinable
    public func alignedDown(to alignment: UInt64) -> GuestAddress {
        let unit = alignment & (0 &- alignment)
        return GuestAddress(unit == 0 ? rawValue : rawValue & ~(unit &- 1))
    }

    /// Whether the address is a multiple of `alignment`, a power of two.
    @inlinable
    public func isAligned(to alignment: UInt64) -> Bool { alignedDown(to: alignment) == self }

    @inlinable
    public static func < (left: GuestAddress, right: GuestAddress) -> Bool { left.rawValue < right.rawValue }
}

extension GuestAddress: CustomStringConvertible {
    /// The address in hexadecimal, such as `0x1000`.
    public var description: String { "0x" + String(rawValue, radix: 16) }
}
