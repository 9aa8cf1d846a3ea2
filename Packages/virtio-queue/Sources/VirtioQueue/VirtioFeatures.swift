// SPDX-License-Identifier: Apache-2.0

/// Feature bits of a device. The named ones here are those that any device may have (virtio 1.2, section 6); a device's
/// own are bits 0 to 23 and 50 to 127, of which this type holds the first 64.
public struct VirtioFeatures: OptionSet, Sendable, Hashable, CustomStringConvertible {
    /// The bits, feature 0 lowest.
    public let rawValue: UInt64

    /// Wraps bits.
    @inlinable
    public init(rawValue: UInt64) { self.rawValue = rawValue }

    /// The feature of one bit number; the empty set from 64 on.
    @inlinable
    public static func bit(_ number: Int) -> VirtioFeatures {
        VirtioFeatures(rawValue: number >= 0 && number < 64 ? 1 << UInt64(number) : 0)
    }

    /// VIRTIO_F_INDIRECT_DESC: a descriptor may point to a table of more.
    public static let indirectDescriptors = bit(28)
    /// VIRTIO_F_EVENT_IDX: each side tells the other at which index it wants to be notified.
    public static let eventIndex = bit(29)
    /// VIRTIO_F_VERSION_1: not the legacy interface. Transports always offer and require it.
    public static let version1 = bit(32)
    /// VIRTIO_F_ACCESS_PLATFORM: addresses go through the platform's translation.
    public static let accessPlatform = bit(33)
    /// VIRTIO_F_RING_PACKED.
    public static let packedRing = bit(34)
    /// VIRTIO_F_IN_ORDER: buffers are used in the order in which they were made available. A `Queue` that has it sees to
    /// that; a device offers it.
    public static let inOrder = bit(35)
    /// VIRTIO_F_ORDER_PLATFORM.
    public static let orderPlatform = bit(36)
    /// VIRTIO_F_NOTIFICATION_DATA.
    public static let notificationData = bit(38)
    /// VIRTIO_F_RING_RESET.
    public static let ringReset = bit(40)

    /// The features that `Queue` itself implements. A transport may offer them for every device.
    public static let implementedByQueue: VirtioFeatures = [.indirectDescriptors, .eventIndex]

    /// The bits in hexadecimal.
    public var description: String { "0x" + String(rawValue, radix: 16) }
}
