// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// What a property says. The blob has no types: who reads a property knows what it is (2.2.4).
public enum DeviceTreeValue: Equatable, Sendable {
    /// Nothing: that the property is there says it all.
    case empty
    /// 32-bit numbers, big-endian: handles, interrupt specifiers, whatever is counted in cells.
    case cells([UInt32])
    /// 64-bit numbers, big-endian, two cells each.
    case wideCells([UInt64])
    /// Texts, each with its NUL.
    case strings([String])
    /// Bytes as they are.
    case bytes([UInt8])

    /// One 32-bit number.
    public static func cell(_ value: UInt32) -> DeviceTreeValue { .cells([value]) }

    /// One text.
    public static func string(_ text: String) -> DeviceTreeValue { .strings([text]) }

    /// Addresses and sizes, as `reg` has them under a node with `#address-cells` and `#size-cells` of 2.
    public static func ranges(_ ranges: [GuestRange]) -> DeviceTreeValue {
        .wideCells(ranges.flatMap { [$0.start.rawValue, $0.byteCount] })
    }

    /// The bytes in the blob.
    var encoded: [UInt8] {
        switch self {
        case .empty: []
        case .cells(let values): values.flatMap(Self.bigEndian)
        case .wideCells(let values): values.flatMap(Self.bigEndian)
        case .strings(let texts): texts.flatMap { Array($0.utf8) + [0] }
        case .bytes(let bytes): bytes
        }
    }

    private static func bigEndian<T: FixedWidthInteger>(_ value: T) -> [UInt8] {
        withUnsafeBytes(of: value.bigEndian) { Array($0) }
    }
}
