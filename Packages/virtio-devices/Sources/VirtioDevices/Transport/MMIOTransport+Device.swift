// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
internal import VMMemory
internal import VirtioModel
internal import VirtioQueue

/// The device and what belongs to its thread.
final class DeviceSide {
    let device: any VirtioDevice
    let memory: GuestMemory
    let link: TransportLink
    /// Whether `activate` succeeded and no `reset` came since.
    var isActive = false
    /// The queues that the device has.
    private var live: Set<UInt16> = []
    /// Whether the machine stands still. What comes meanwhile is found in the registers when it goes on.
    private var isPaused = false

    init(device: any VirtioDevice, memory: GuestMemory, link: TransportLink) {
        self.device = device
        self.memory = memory
        self.link = link
    }

    /// Starts the device with what the driver has set up by now. A reset of the device that came from another vCPU may have
    /// overtaken this and makes it void; one of a queue comes after this, or has left that not ready.
    /// - Returns: the queues to be served once.
    func activate(_ epoch: UInt64) -> [UInt16] {
        guard !isActive, !isPaused, let driver = driver(epoch) else { return [] }
        do throws(ActivationError) {
            let activation = try Activation(
                memory: memory, features: driver.driverFeatures, configurations: driver.queues, interrupt: link)
            try device.activate(activation)
            isActive = true
            let queues = activation.queues.indices.compactMap { index in
                activation.queues[index] == nil ? nil : UInt16(exactly: index)
            }
            live = Set(queues)
            // One that the driver takes back by now begins, and goes unserved.
            return queues.filter { !driver.isInReset($0) }
        } catch {
            // virtio 1.2, 2.1.2: a device that cannot go on says so and waits for a reset.
            link.needsReset(.activation(error))
            return []
        }
    }

    /// Has the device let go of one queue (virtio 1.2, 2.6.1); then the driver may set it up again.
    func resetQueue(_ index: UInt16, _ epoch: UInt64) {
        guard driver(epoch) != nil else { return }
        if isActive, live.remove(index) != nil { (device as? any QueueResettableDevice)?.resetQueue(index) }
        link.state.withLock { state in
            if state.epoch == epoch { state.driver.finishQueueReset(index) }
        }
    }

    /// Gives the device a queue that was reset, unless it was reset again meanwhile.
    /// - Returns: whether it is to be served once.
    func restartQueue(_ index: UInt16, _ epoch: UInt64) -> Bool {
        guard isActive, !isPaused, let driver = driver(epoch), driver.isRunning, !live.contains(index),
            let configuration = driver.queue(index), configuration.isReady,
            let device = device as? any QueueResettableDevice
        else { return false }
        do throws(ActivationError) {
            try device.restartQueue(
                index, Activation.queue(Int(index), configuration, memory: memory, features: driver.driverFeatures))
            live.insert(index)
            return !driver.isInReset(index)
        } catch {
            link.needsReset(.activation(error))
            return false
        }
    }

    /// What the driver has said, as it is now; nil if a reset came meanwhile.
    private func driver(_ epoch: UInt64) -> DriverState? { link.state.withLock { $0.epoch == epoch ? $0.driver : nil } }

    /// - Returns: whether the queue wants to be served again.
    func serve(_ index: UInt16) -> Bool {
        guard isActive, !isPaused, link.state.withLock({ $0.driver.isRunning && $0.resetsUnderWay == 0 }) else {
            return false
        }
        return device.queueNotified(index) == .again
    }

    func reset() {
        isActive = false
        live = []
        isPaused = false
        device.reset()
    }

    func pause() {
        isPaused = true
        if isActive { (device as? any SavableDevice)?.pause() }
    }

    /// - Returns: the queues to be served once: of a device that cannot pause, or begins only now.
    func resume() -> [UInt16] {
        guard isPaused else { return [] }
        isPaused = false
        let (driver, epoch) = link.state.withLock { ($0.driver, $0.epoch) }
        // DRIVER_OK came while the machine stood still, or shortly before it was saved.
        guard isActive else { return driver.isRunning ? activate(epoch) : [] }
        let unserved = driver.queues.indices.compactMap { UInt16(exactly: $0) }.filter { restartQueue($0, epoch) }
        guard let device = device as? any SavableDevice else { return live.sorted() }
        device.resume()
        return unserved
    }

    /// The device has taken up a saved state.
    func restored(_ queues: [QueueState?]?) {
        isActive = queues != nil
        isPaused = true
        live = []
        for (index, queue) in (queues ?? []).enumerated() {
            if queue != nil, let index = UInt16(exactly: index) { live.insert(index) }
        }
    }
}

/// What passes from the vCPU's thread to the device's.
extension MMIOTransport {
    /// More configuration writes than this on their way, and the vCPU waits for the device to take them.
    static let postedConfigurationWritesMax = 64

    func activate(_ epoch: UInt64) {
        executor.perform { [self] in
            // Notifications that came before the device was up were ignored; so every queue is looked at once.
            for index in deviceSide.value.activate(epoch) { serve(index) }
        }
    }

    /// QueueReset: returns when the device has let go of the selected queue.
    func resetQueue() {
        let begun = link.state.withLock { state -> (index: UInt16, epoch: UInt64)? in
            guard state.resetsUnderWay == 0, let index = state.driver.beginQueueReset() else { return nil }
            return (index, state.epoch)
        }
        guard let (index, epoch) = begun else { return }
        executor.performAndWait { [self] in deviceSide.value.resetQueue(index, epoch) }
    }

    /// QueueReady: of a running device, a queue that was reset begins anew.
    func enableQueue() {
        let enabled = link.state.withLock { state -> (index: UInt16, epoch: UInt64)? in
            guard state.resetsUnderWay == 0, let index = state.driver.enableSelectedQueue() else { return nil }
            return (index, state.epoch)
        }
        guard let (index, epoch) = enabled else { return }
        executor.perform { [self] in
            if deviceSide.value.restartQueue(index, epoch) { serve(index) }
        }
    }

    /// Returns when the device has let go of guest memory.
    func resetDevice() {
        link.state.withLock { state in
            state.resetsUnderWay &+= 1
            state.epoch &+= 1
        }
        executor.performAndWait { [self] in deviceSide.value.reset() }
        link.state.withLock { state in
            state.resetsUnderWay &-= 1
            // With another reset on its way the registers stay as they are until that one is done too.
            guard state.resetsUnderWay == 0 else { return }
            state.driver.finishReset()
            link.interruptStatus.store(0, ordering: .sequentiallyConsistent)
        }
    }

    func serve(_ index: UInt16) {
        if deviceSide.value.serve(index) { post(index) }
    }

    /// A notification that trapped instead of hitting an eventfd (virtio 1.2, 4.2.3.3).
    func notify(_ value: UInt32) {
        guard let index = UInt16(exactly: value) else { return }
        post(index)
    }

    /// Has a queue served on the device's thread; at most one such request per queue is on its way.
    private func post(_ index: UInt16) {
        let mustPost = link.state.withLock { state in
            let queue = Int(index)
            guard state.isNotificationPosted.indices.contains(queue), !state.isNotificationPosted[queue],
                state.driver.isRunning, state.resetsUnderWay == 0
            else { return false }
            state.isNotificationPosted[queue] = true
            return true
        }
        guard mustPost else { return }
        executor.perform { [self] in
            link.state.withLock { state in
                if state.isNotificationPosted.indices.contains(Int(index)) {
                    state.isNotificationPosted[Int(index)] = false
                }
            }
            serve(index)
        }
    }

    /// Hands a write of the configuration space to the device, cut at the end of the space.
    func writeConfiguration(_ buffer: UnsafeRawBufferPointer, at start: Int) {
        enum Verdict { case lost, post(UInt64), wait(UInt64) }
        var count = 0
        let verdict = link.state.withLock { state -> Verdict in
            guard state.driver.acceptsConfigWrites, state.resetsUnderWay == 0, start < state.configuration.count
            else { return .lost }
            count = min(buffer.count, state.configuration.count &- start)
            state.postedConfigurationWrites &+= 1
            return state.postedConfigurationWrites > Self.postedConfigurationWritesMax
                ? .wait(state.epoch) : .post(state.epoch)
        }
        let bytes = [UInt8](buffer[0..<count])
        switch verdict {
        case .lost: break
        case .post(let epoch): executor.perform { [self] in deliver(bytes, at: start, epoch: epoch) }
        case .wait(let epoch): executor.performAndWait { [self] in deliver(bytes, at: start, epoch: epoch) }
        }
    }

    private func deliver(_ bytes: [UInt8], at start: Int, epoch: UInt64) {
        let isCurrent = link.state.withLock { state in
            state.postedConfigurationWrites &-= 1
            return state.epoch == epoch && state.driver.acceptsConfigWrites
        }
        if isCurrent { deviceSide.value.device.writeConfiguration(bytes, atByteOffset: start) }
    }
}
