// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil
public import VirtioModel
public import VirtioQueue

/// A block device as it is saved, besides the guest's memory and the disk: plain numbers, for any encoding. It may come from
/// a file that somebody wrote by hand; `BlockDevice.restore` checks it.
///
/// No request is in it: those in flight were finished before, and the others are in the guest's ring.
public struct BlockState: SavedDeviceState {
    /// The disk's size in sectors of 512 bytes. A driver that runs knows it, so the restored device's disk has it too.
    public var capacitySectors: UInt64
    /// What was left in the rate limiter's buckets.
    public var throttle: ThrottleState
    /// The queue of requests, nil as long as the driver has taken it away; nil as a whole if no driver uses the device.
    public var queues: [QueueState?]?

    /// Gathers saved values.
    public init(capacitySectors: UInt64, throttle: ThrottleState = ThrottleState(), queues: [QueueState?]? = nil) {
        self.capacitySectors = capacitySectors
        self.throttle = throttle
        self.queues = queues
    }
}

/// Why a block device is not restored.
public enum BlockStateError: Error, Equatable, Sendable {
    /// The device was not attached, or a driver uses it already.
    case notIdle
    /// The disk has another size. Restore with one of the saved size; `replaceDisk` may change it afterwards.
    case capacity(savedSectors: UInt64, sectors: UInt64)
    /// The device has another rate limiter.
    case throttle(ThrottleStateError)
    /// The device cannot have the queue.
    case queue(SavedQueueError)
    /// The host refused a timer.
    case host(Errno)
}

extension BlockStateError: CustomStringConvertible {
    /// One line, the cause last.
    public var description: String {
        switch self {
        case .notIdle: "block: the device is in use, or nobody has attached it"
        case .capacity(let saved, let sectors):
            "block: saved with a disk of \(saved) sectors, and this one has \(sectors)"
        case .throttle(let error): "block: rate limiter: \(error)"
        case .queue(let error): "block: saved \(error)"
        case .host(let error): "block: host refused: \(error)"
        }
    }
}
