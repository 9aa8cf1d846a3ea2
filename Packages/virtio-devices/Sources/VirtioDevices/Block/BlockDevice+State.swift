// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil
public import VMMemory
public import VirtioModel
public import VirtioQueue

/// Standing still, saving, and going on elsewhere.
extension BlockDevice: SavableDevice {
    /// Waits for what is in flight, answers it, and leaves the guest alone until `resume()`.
    public func pause() {
        guard interrupt != nil, !isPaused else { return }
        // First, as whatever waits for room must not be begun.
        isPaused = true
        if let active { endFlights(active) }
    }

    /// Goes on, with what came meanwhile.
    public func resume() {
        guard isPaused else { return }
        isPaused = false
        if let active { beginFlights(active) }
        serveUnasked(0, on: host)
    }

    /// The queue, the buckets and the disk's size. Only of a device that is paused, or has a disk that does one request
    /// after the other, nothing is in flight; else the state is one that `restore` refuses.
    public func save() -> BlockState {
        BlockState(
            capacitySectors: capacitySectors, throttle: throttle.state,
            queues: interrupt.map { _ in [active?.queue.save()] })
    }

    /// Takes up what was saved; paused until `resume()`.
    public func restore(
        _ state: BlockState, memory: GuestMemory, features: VirtioFeatures, interrupt: any Interrupt
    ) throws(BlockStateError) {
        guard host != nil, self.interrupt == nil else { throw .notIdle }
        guard state.capacitySectors == capacitySectors else {
            throw .capacity(savedSectors: state.capacitySectors, sectors: capacitySectors)
        }
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
