// SPDX-License-Identifier: Apache-2.0
public import VMMemory

/// What a driver has set up of a queue so far, checked by nobody yet: the transport writes the driver's register values
/// into it as they come. `activate` checks it as a whole and makes a `Queue`, which cannot be reconfigured.
public struct QueueConfiguration: Equatable, Sendable {
    /// The largest size that the device offers; 0 means that the queue does not exist.
    public let maximumSize: UInt16
    /// The size that the driver chose; the maximum until it does (virtio 1.2, 4.1.4.3).
    public var size: UInt16
    /// Whether the driver enabled the queue.
    public var isReady = false
    /// Where the descriptor table is.
    public var descriptorTable = GuestAddress(0)
    /// Where the available ring is, which the driver writes.
    public var availableRing = GuestAddress(0)
    /// Where the used ring is, which the device writes.
    public var usedRing = GuestAddress(0)

    /// A queue that the driver has not touched yet.
    public init(maximumSize: UInt16) {
        self.maximumSize = maximumSize
        size = maximumSize
    }

    /// Back to the state after `init`, as a device reset demands.
    public mutating func reset() { self = QueueConfiguration(maximumSize: maximumSize) }

    /// The address of one part of the queue.
    public subscript(area: QueueArea) -> GuestAddress {
        get {
            switch area {
            case .descriptorTable: descriptorTable
            case .availableRing: availableRing
            case .usedRing: usedRing
            }
        }
        set {
            switch area {
            case .descriptorTable: descriptorTable = newValue
            case .availableRing: availableRing = newValue
            case .usedRing: usedRing = newValue
            }
        }
    }

    /// Replaces the lower half of an address, as a 32-bit register does.
    public mutating func setLow(_ value: UInt32, of area: QueueArea) {
        self[area] = GuestAddress(self[area].rawValue & 0xffff_ffff_0000_0000 | UInt64(value))
    }

    /// Replaces the upper half of an address, as a 32-bit register does.
    public mutating func setHigh(_ value: UInt32, of area: QueueArea) {
        self[area] = GuestAddress(self[area].rawValue & 0xffff_ffff | UInt64(value) << 32)
    }
}

/// One of the three parts that a queue has in guest memory (virtio 1.2, 2.7).
public enum QueueArea: Sendable, Hashable, CaseIterable {
    /// 16 bytes for each entry.
    case descriptorTable
    /// What the driver offers: 6 bytes, and 2 for each entry.
    case availableRing
    /// What the device has used: 6 bytes, and 8 for each entry.
    case usedRing

    /// What the address must be a multiple of (virtio 1.2, 2.7).
    public var alignment: UInt64 {
        switch self {
        case .descriptorTable: 16
        case .availableRing: 2
        case .usedRing: 4
        }
    }

    /// How many bytes it takes. The rings always have the field of VIRTIO_F_EVENT_IDX at their end, whether it was
    /// negotiated or not (virtio 1.2, 2.7.6 and 2.7.8).
    public func byteCount(queueSize: UInt16) -> UInt64 {
        switch self {
        case .descriptorTable: 16 * UInt64(queueSize)
        case .availableRing: 6 + 2 * UInt64(queueSize)
        case .usedRing: 6 + 8 * UInt64(queueSize)
        }
    }
}

/// What is wrong with a queue that a driver marked ready.
public enum QueueConfigurationError: Error, Equatable, Sendable {
    /// The driver has not enabled it.
    case notReady
    /// The device's own maximum is zero, over 32768 or no power of two.
    case maximumSize(UInt16)
    /// The size is zero, over the maximum or no power of two (virtio 1.2, 2.7).
    case size(UInt16, maximum: UInt16)
    /// An address is not a multiple of what 2.7 demands.
    case misaligned(QueueArea, GuestAddress)
    /// A part is not wholly in one region of guest memory.
    case unmapped(QueueArea, GuestAddress, byteCount: UInt64)
    /// VIRTIO_F_RING_PACKED was accepted, which this version does not do.
    case packedRing
    /// A saved state contradicts itself or the rings in memory.
    case state(QueueStateError)
}

extension QueueConfigurationError: CustomStringConvertible {
    /// One line.
    public var description: String {
        switch self {
        case .notReady: "not enabled by the driver"
        case .maximumSize(let size): "maximum size \(size) is no power of two from 1 to 32768"
        case .size(let size, let maximum): "size \(size) is no power of two from 1 to \(maximum)"
        case .misaligned(let area, let address): "\(area) at \(address) is not aligned to \(area.alignment) bytes"
        case .unmapped(let area, let address, let count):
            "\(area) at \(address), \(count) bytes, is not in one region of guest memory"
        case .packedRing: "packed rings are not supported"
        case .state(let error): "saved state: \(error)"
        }
    }
}
