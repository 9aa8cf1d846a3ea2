// SPDX-License-Identifier: Apache-2.0
public import VMMemory
public import VirtioQueue

/// A device that can stand still, be saved, and go on elsewhere with a copy of the guest's memory.
///
/// ```
///  active ── pause ──► paused ── save ──► state          fresh device ── restore ──► paused ── resume ──► active
///    ▲                   │                  │                               ▲
///    └───── resume ──────┘                  └───── a file, another host ────┘
/// ```
/// All on the device's thread, with the vCPUs stopped from before `pause` until after `resume`.
public protocol SavableDevice: VirtioDevice {
    /// What is saved besides the guest's memory.
    associatedtype State: SavedDeviceState
    /// Why a state is refused.
    associatedtype StateError: Error & Equatable & Sendable

    /// Leaves guest memory, queues and interrupt alone until `resume` or `reset`. What is in flight is finished before,
    /// or its chains are named in the state. Without effect on a device that is not active.
    func pause()

    /// Goes on, after `pause` or `restore`. Nobody has to ring: the device looks at its queues by itself.
    func resume()

    /// What to save. Nothing changes: the device can go on.
    func save() -> State

    /// Takes up what was saved, instead of `activate`; the device is paused then. It publishes its configuration space, if
    /// that is not the initial one.
    ///
    /// After an error the device is only good for `reset`, and guest memory is to be thrown away.
    /// - Parameters:
    ///   - state: what `save()` gave, or what somebody made of it: every number is checked.
    ///   - memory: the guest's memory, with what it held at the saving.
    ///   - features: what the driver had accepted.
    ///   - interrupt: how to tell the driver.
    func restore(
        _ state: State, memory: GuestMemory, features: VirtioFeatures, interrupt: any Interrupt
    ) throws(StateError)
}

/// A device as it is saved: plain numbers, for any encoding.
public protocol SavedDeviceState: Equatable, Sendable {
    /// The saved queue of each index, nil where the driver left it unused; nil as a whole if no driver uses the device. The
    /// transport compares them with what its registers say. Trailing unused ones may be missing.
    var queues: [QueueState?]? { get }
}

extension VirtioDevice {
    /// Makes one of the device's queues again.
    /// - Parameters:
    ///   - index: which one it is.
    ///   - state: what was saved of it.
    ///   - inFlight: how many chains the rest of the state says are in flight.
    ///   - memory: the guest's memory.
    ///   - features: what the driver had accepted.
    public func restoreQueue(
        _ index: Int, _ state: QueueState, inFlight: Int = 0, memory: GuestMemory, features: VirtioFeatures
    ) throws(SavedQueueError) -> Queue {
        let sizes = queueMaximumSizes
        guard sizes.indices.contains(index) else { throw .missing(index: index) }
        guard state.configuration.size <= sizes[index] else {
            throw .size(index: index, state.configuration.size, maximum: sizes[index])
        }
        guard Int(state.inFlight) == inFlight else { throw .inFlight(index: index, Int(state.inFlight)) }
        do throws(QueueConfigurationError) {
            return try state.restore(memory: memory, features: features)
        } catch {
            throw .queue(index: index, error)
        }
    }

    /// Makes the queue of a device again that has one, with no chain in flight.
    /// - Parameters:
    ///   - states: what was saved of its queues.
    ///   - memory: the guest's memory.
    ///   - features: what the driver had accepted.
    /// - Returns: nil if the driver had left it unused.
    public func restoreOnlyQueue(
        _ states: [QueueState?], memory: GuestMemory, features: VirtioFeatures
    ) throws(SavedQueueError) -> Queue? {
        guard states.count <= 1 else { throw .missing(index: 1) }
        guard let state = states.first ?? nil else { return nil }
        return try restoreQueue(0, state, memory: memory, features: features)
    }

    /// Serves a queue, though no doorbell rang: now, and what is left after a turn when others had theirs.
    /// - Parameters:
    ///   - index: which one it is.
    ///   - host: what the device was attached to; nothing is served before.
    public func serveUnasked(_ index: UInt16, on host: DeviceHost?) {
        guard let host, queueNotified(index) == .again else { return }
        let rest = Confined { self.serveUnasked(index, on: host) }
        host.executor.perform { rest.value() }
    }
}

/// Why a device cannot have a saved queue.
public enum SavedQueueError: Error, Equatable, Sendable {
    /// The device has no queue of this index.
    case missing(index: Int)
    /// The queue is larger than the device offers.
    case size(index: Int, UInt16, maximum: UInt16)
    /// The queue has other chains in flight than the rest of the state names.
    case inFlight(index: Int, Int)
    /// No queue can be made of what was saved.
    case queue(index: Int, QueueConfigurationError)
}

extension SavedQueueError: CustomStringConvertible {
    /// One line, the cause last.
    public var description: String {
        switch self {
        case .missing(let index): "there is no queue \(index)"
        case .size(let index, let size, let maximum):
            "queue \(index) has a size of \(size), with a maximum of \(maximum)"
        case .inFlight(let index, let count): "queue \(index) has \(count) chains in flight"
        case .queue(let index, let error): "queue \(index) is not valid: \(error)"
        }
    }
}
