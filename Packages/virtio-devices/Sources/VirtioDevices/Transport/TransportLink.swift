// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
internal import VirtioModel

/// The part of a transport that its device talks to: the configuration bytes and the interrupt.
///
/// The device holds it and it does not hold the device, so neither keeps the other alive.
final class TransportLink: Sendable, Interrupt, ConfigurationSink {
    /// What registers show, behind one lock; it is never held while a device runs or an interrupt is raised.
    struct State {
        var driver: DriverState
        var configuration: [UInt8]
        var configurationGeneration: UInt32 = 0
        /// Counts resets, so that what was posted before one is not done after it.
        var epoch: UInt64 = 0
        /// Resets under way: until they are done, every other write is lost.
        var resetsUnderWay = 0
        /// Queues with a trapped notification on its way to the device.
        var isNotificationPosted: [Bool]
        /// Configuration writes on their way to the device.
        var postedConfigurationWrites = 0
    }

    /// The bits of the interrupt status (virtio 1.2, 4.2.2).
    enum InterruptBit {
        static let usedBuffer: UInt32 = 1
        static let configurationChange: UInt32 = 2
    }

    let state: Mutex<State>
    let interruptStatus = Atomic<UInt32>(0)
    private let trigger: any InterruptTrigger
    private let onFault: @Sendable (DeviceFault) -> Void

    init(
        driver: DriverState, configuration: [UInt8], trigger: any InterruptTrigger,
        onFault: @escaping @Sendable (DeviceFault) -> Void
    ) {
        let queueCount = driver.queues.count
        state = Mutex(
            State(
                driver: driver, configuration: configuration,
                isNotificationPosted: [Bool](repeating: false, count: queueCount)))
        self.trigger = trigger
        self.onFault = onFault
    }

    /// Takes the space as the device has it at first, without a trace.
    func start(configuration: [UInt8]) {
        state.withLock { $0.configuration = configuration }
    }

    private func raise(_ bit: UInt32) {
        interruptStatus.bitwiseOr(bit, ordering: .sequentiallyConsistent)
        trigger.trigger()
    }

    /// Raises the interrupt again for what is pending.
    func retrigger() { trigger.trigger() }

    func signalQueue(_ index: UInt16) { raise(InterruptBit.usedBuffer) }

    func signalConfiguration() { raise(InterruptBit.configurationChange) }

    func needsReset(_ fault: DeviceFault) {
        let (isNew, mustSignal) = state.withLock { $0.driver.markNeedsReset() }
        if isNew { onFault(fault) }
        if mustSignal { signalConfiguration() }
    }

    func publish(_ bytes: [UInt8]) {
        let mustSignal = state.withLock { state in
            let count = min(bytes.count, state.configuration.count)
            guard !bytes.prefix(count).elementsEqual(state.configuration.prefix(count)) else { return false }
            state.configuration.replaceSubrange(0..<count, with: bytes.prefix(count))
            // The driver compares generations around a read of more than 32 bits (virtio 1.2, 2.5.2).
            state.configurationGeneration &+= 1
            return state.driver.isDriverOK
        }
        if mustSignal { signalConfiguration() }
    }
}
