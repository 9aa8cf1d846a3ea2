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

/// One of the three parts that a queue has in guest memory (virtio 1.2, 2.7): the descriptor, driver and device area.
public enum QueueArea: Sendable, Hashable, CaseIterable {
    /// 16 bytes for each entry. The packed ring itself, which the device writes too (2.8).
    case descriptorTable
    /// What the driver offers: 6 bytes, and 2 for each entry. With a packed ring 4 bytes: which interrupts it wants.
    case availableRing
    /// What the device has used: 6 bytes, and 8 for each entry. With a packed ring 4 bytes: which doorbells it wants.
    case usedRing

    /// What the address must be a multiple of with a split ring (virtio 1.2, 2.7).
    public var alignment: UInt64 { alignment(in: .split) }

    /// What the address must be a multiple of (virtio 1.2, 2.7 and 2.8.10.1).
    public func alignment(in format: RingFormat) -> UInt64 {
        switch self {
        case .descriptorTable: 16
        case .availableRing: format == .packed ? 4 : 2
        case .usedRing: 4
        }
    }

    /// How many bytes it takes. The rings always have the field of VIRTIO_F_EVENT_IDX at their end, whether it was
    /// negotiated or not (virtio 1.2, 2.7.6 and 2.7.8).
    public func byteCount(queueSize: UInt16, format: RingFormat = .split) -> UInt64 {
        switch self {
        case .descriptorTable: 16 * UInt64(queueSize)
        case .availableRing: format == .packed ? 4 : 6 + 2 * UInt64(queueSize)
        case .usedRing: format == .packed ? 4 : 6 + 8 * UInt64(queueSize)
        }
    }
}

/// What is wrong with a queue that a driver marked ready.
public enum QueueConfigurationError: Error, Equatable, Sendable {
    /// The driver has not enabled it.
    case notReady
    /// The device's own maximum is zero, over 32768 or, for a split ring, no power of two.
    case maximumSize(UInt16)
    /// The size is zero, over the maximum or, of a split ring, no power of two (virtio 1.2, 2.7 and 2.8).
    case size(UInt16, maximum: UInt16)
    /// An address is not a multiple of what 2.7 or 2.8.10.1 demands.
    case misaligned(QueueArea, GuestAddress)
    /// A part is not wholly in one region of guest memory.
    case unmapped(QueueArea, GuestAddress, byteCount: UInt64)
    /// A saved state contradicts itself or the rings in memory.
    case state(QueueStateError)
}

extension QueueConfigurationError: CustomStringConvertible {
    /// One line.
    public var description: String {
        switch self {
        case .notReady: "not enabled by the driver"
        case .maximumSize(let size): "a ring cannot have a maximum size of \(size)"
        case .size(let size, let maximum): "the ring cannot have a size of \(size), with a maximum of \(maximum)"
        case .misaligned(let area, let address): "\(area) at \(address) is not aligned"
        case .unmapped(let area, let address, let count):
            "\(area) at \(address), \(count) bytes, is not in one region of guest memory"
        case .state(let error): "saved state: \(error)"
        }
    }
}
