// SPDX-License-Identifier: Apache-2.0

/// The kind of a virtio device (virtio 1.2, section 5, "Device Types").
public struct DeviceID: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The number that the transport shows to the driver. 0 means "no device here".
    public let rawValue: UInt32

    /// Wraps a number, also of a kind that this file does not name.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Network card (5.1).
    public static let network = DeviceID(rawValue: 1)
    /// Block device (5.2).
    public static let block = DeviceID(rawValue: 2)
    /// Console (5.3).
    public static let console = DeviceID(rawValue: 3)
    /// Entropy source (5.4).
    public static let entropy = DeviceID(rawValue: 4)
    /// Traditional memory balloon (5.5).
    public static let balloon = DeviceID(rawValue: 5)
    /// Socket device (5.10).
    public static let socket = DeviceID(rawValue: 19)
    /// Memory device (5.15).
    public static let memory = DeviceID(rawValue: 24)
    /// File system device (5.11).
    public static let fileSystem = DeviceID(rawValue: 26)
    /// Persistent memory (5.19).
    public static let persistentMemory = DeviceID(rawValue: 27)

    /// The number in decimal.
    public var description: String { String(rawValue) }
}
