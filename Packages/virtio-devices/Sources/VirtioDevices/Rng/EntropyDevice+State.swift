// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil
public import VMMemory
public import VirtioModel
public import VirtioQueue

/// An entropy device as it is saved.
public struct EntropyState: SavedDeviceState {
    /// What was left in the rate limiter's buckets.
    public var throttle: ThrottleState
    /// The queue of requests, nil as long as the driver has taken it away; nil as a whole if no driver uses the device.
    public var queues: [QueueState?]?

    /// Gathers saved values.
    public init(throttle: ThrottleState = ThrottleState(), queues: [QueueState?]? = nil) {
        self.throttle = throttle
        self.queues = queues
    }
}

/// Why an entropy device is not restored.
public enum EntropyStateError: Error, Equatable, Sendable {
    /// The device was not attached, or a driver uses it already.
    case notIdle
    /// The device has another rate limiter.
    case throttle(ThrottleStateError)
    /// The device cannot have the queue.
    case queue(SavedQueueError)
    /// The host refused a timer.
    case host(Errno)
}

extension EntropyStateError: CustomStringConvertible {
    /// One line, the cause last.
    public var description: String {
        switch self {
        case .notIdle: "entropy: the device is in use, or nobody has attached it"
        case .throttle(let error): "entropy: rate limiter: \(error)"
        case .queue(let error): "entropy: saved \(error)"
        case .host(let error): "entropy: host refused: \(error)"
        }
    }
}

/// Each request is answered before the next is looked at, so none is in flight.
extension EntropyDevice: SavableDevice {
    /// Stands still. An alarm of the rate limiter does nothing then.
    public func pause() {
        if interrupt != nil { isPaused = true }
    }

    /// Goes on, with what came meanwhile.
    public func resume() {
        guard isPaused else { return }
        isPaused = false
        serveUnasked(0, on: host)
    }

    /// The queue and the buckets.
    public func save() -> EntropyState {
        EntropyState(throttle: throttle.state, queues: interrupt.map { _ in [queue?.save()] })
    }

    /// Takes up what was saved; paused until `resume()`.
    public func restore(
        _ state: EntropyState, memory: GuestMemory, features: VirtioFeatures, interrupt: any Interrupt
    ) throws(EntropyStateError) {
        guard host != nil, self.interrupt == nil else { throw .notIdle }
        do throws(ThrottleStateError) { try throttle.restore(state.throttle) } catch { throw .throttle(error) }
        guard let queues = state.queues else { return }
        let queue: Queue?
        do throws(SavedQueueError) {
            queue = try restoreOnlyQueue(queues, memory: memory, features: features)
        } catch {
            throw .queue(error)
        }
        do throws(Errno) { try start(interrupt) } catch { throw .host(error) }
        isPaused = true
        if let queue { restartQueue(0, queue) }
    }
}
