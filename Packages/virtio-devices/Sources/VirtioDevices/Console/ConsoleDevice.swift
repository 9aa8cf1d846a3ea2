// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
public import VirtioModel
public import VirtioQueue

/// A virtio console (virtio 1.2, 5.3) with many ports.
///
/// ```
/// queue 0, 1         port 0: to the guest, from the guest
/// queue 2, 3         control: to the guest, from the guest
/// queue 4, 5, ...    port 1: to the guest, from the guest, and so on
///
/// guest: DEVICE_READY ──► ◄── DEVICE_ADD, for each port
///        PORT_READY   ──► ◄── CONSOLE_PORT, RESIZE, PORT_NAME, PORT_OPEN
///        PORT_OPEN 1  ──►     input is read from now on
///        PORT_OPEN 0  ──►     reported once everything sent before is written
///                         ◄── PORT_OPEN 0 when the input ended, after its last byte
/// ```
/// A doorbell comes to `queueNotified`, and from there to `pumpOutput` (chain, `writev`, used entry, interrupt), `pumpInput` (the same
/// with `readv`, also when the host's end has something), `receiveControl` or `sendControl`.
/// `ConsoleDevice+Control.swift` is the conversation, `+Input.swift` and `+Output.swift` move the bytes, `+Queues.swift`
/// gives queues back to a driver that resets them.
public final class ConsoleDevice: QueueResettableDevice {
    /// The most ports of one device.
    public static let portCountMax = 31

    /// The ports by number, nil where one was removed.
    public private(set) var ports: [ConsolePort?]
    private let queueSize: UInt16
    private(set) var size: ConsoleSize?
    var host: DeviceHost?
    var active: Active?
    /// Whether the device stands still.
    var isPaused = false
    /// For chains of any queue: one is dealt with before the next is taken.
    let chain = ChainBuffers()
    var pieces = IOVecs(capacity: 64)
    /// What the device has seen so far.
    public internal(set) var counters = ConsoleCounters()

    /// What exists between `activate` and `reset`.
    final class Active {
        let interrupt: any Interrupt
        let features: VirtioFeatures
        /// nil without MULTIPORT, and while the driver has taken it away.
        var controlReceive: Queue?
        /// The same.
        var controlTransmit: Queue?

        init(
            _ interrupt: any Interrupt, _ features: VirtioFeatures, _ controlReceive: Queue?,
            _ controlTransmit: Queue?
        ) {
            self.interrupt = interrupt
            self.features = features
            self.controlReceive = controlReceive
            self.controlTransmit = controlTransmit
        }
    }

    /// Makes a console.
    /// - Parameters:
    ///   - ports: port 0 first, which is also all that a driver without MULTIPORT sees. At most 31 are used.
    ///   - size: of the consoles among them, if known.
    ///   - queueSize: the largest size of every queue, a power of two. A Linux guest fills a port's receive queue
    ///     with a page for each entry.
    public init(ports: [ConsolePort], size: ConsoleSize? = nil, queueSize: UInt16 = 64) {
        self.ports = Array(ports.prefix(Self.portCountMax))
        self.size = size
        self.queueSize = queueSize
        for (index, port) in self.ports.enumerated() { port?.id = UInt32(index) }
    }

    /// `.console`.
    public var deviceID: DeviceID { .console }
    /// Two queues for each port, at least one port, and two for control (virtio 1.2, 5.3.2).
    public var queueMaximumSizes: [UInt16] {
        [UInt16](repeating: queueSize, count: 2 * max(ports.count, 1) + 2)
    }
    /// MULTIPORT, EMERG_WRITE, SIZE if it is known, both queue features.
    public var offeredFeatures: VirtioFeatures {
        var features: VirtioFeatures = [
            .consoleMultiport, .consoleEmergencyWrite, .indirectDescriptors, .eventIndex,
        ]
        if size != nil { features.insert(.consoleSize) }
        return features
    }
    /// Size and number of ports.
    public var initialConfiguration: [UInt8] { configuration.bytes }

    private var configuration: ConsoleConfigSpace {
        ConsoleConfigSpace(
            size: size ?? ConsoleSize(columns: 0, rows: 0), portCount: UInt32(max(ports.count, 1)))
    }

    /// Keeps the host.
    public func attach(to host: DeviceHost) { self.host = host }

    /// Takes the queues. A port whose two queues the driver did not set up stays silent.
    public func activate(_ activation: Activation) throws(ActivationError) {
        let isMultiport = activation.features.contains(.consoleMultiport)
        let active = Active(
            activation.interrupt, activation.features, isMultiport ? try activation.queue(2) : nil,
            isMultiport ? try activation.queue(3) : nil)
        for case let queue? in activation.queues { queue.malformedChainPolicy = .returnHead }
        for (index, port) in ports.enumerated() {
            guard let port, isMultiport || index == 0 else { continue }
            let first = Self.receiveQueueIndex(ofPort: index)
            guard activation.queues.indices.contains(first + 1) else { continue }
            (port.receive, port.transmit) = (activation.queues[first], activation.queues[first + 1])
            // 5.3.5: without control queues a port is open when the device is.
            port.isGuestOpen = !isMultiport
        }
        self.active = active
        if !isMultiport, let first = ports.first ?? nil { first.onEvent(.guestOpened) }
    }

    /// Writes what the driver had sent as far as the host takes it at once, and drops the queues.
    ///
    /// A guest that powers off right after its last line has said all of it; the host's end is not waited for.
    public func reset() {
        isPaused = false
        if active != nil {
            for case let port? in ports { flushOutput(port) }
        }
        letGo()
    }

    private func letGo() {
        let wasActive = active != nil
        active = nil
        isPaused = false
        // Whoever comes next never heard of those.
        removedPorts = []
        chain.removeAll()
        for case let port? in ports {
            let wasOpen = port.isGuestOpen || port.chainsUntilClose != nil
            port.deactivate()
            if wasActive, wasOpen { port.onEvent(.guestClosed) }
        }
    }

    /// Whether a driver uses the device, and it does not stand still.
    var isServing: Bool { active != nil && !isPaused }

    /// Serves the queue of a port, or a control queue.
    public func queueNotified(_ index: UInt16) -> QueueService {
        guard isServing else { return .drained }
        switch use(ofQueue: index) {
        case .controlReceive: return sendControl()
        case .controlTransmit: return receiveControl()
        case .receive(let port): return pumpInput(port)
        case .transmit(let port): return pumpOutput(port)
        case nil: return .drained
        }
    }

    /// Changes the size of the consoles and tells the driver. Without effect if no size was given at first, since then
    /// SIZE is not offered. On the device's thread only.
    public func resize(to size: ConsoleSize) {
        guard self.size != nil else { return }
        setSize(size)
        guard active?.features.contains(.consoleMultiport) == true else { return }
        for case let port? in ports where port.isConsole && port.isReady { port.owed.insert(.size) }
        continueControl()
    }

    func setSize(_ size: ConsoleSize) {
        self.size = size
        host?.configuration.publish(configuration.bytes)
    }

    /// Takes a port away from the guest (DEVICE_REMOVE); its descriptors are closed once what it had sent is written as
    /// far as the host takes it at once. On the device's thread only.
    public func removePort(_ number: Int) {
        guard ports.indices.contains(number), let port = ports[number] else { return }
        if active != nil { flushOutput(port) }
        drop(number)
        guard active?.features.contains(.consoleMultiport) == true else { return }
        removedPorts.insert(UInt32(number))
        continueControl()
    }

    /// Closes a port's descriptors and forgets it.
    func drop(_ number: Int) {
        guard ports.indices.contains(number), let port = ports[number] else { return }
        port.deactivate()
        port.isRemoved = true
        port.input = nil
        port.output = nil
        ports[number] = nil
    }

    /// Ports of which the driver is still to learn that they are gone.
    var removedPorts: Set<UInt32> = []

    /// Whether the guest has sent something that the host has not taken yet.
    public var hasUnwrittenOutput: Bool {
        ports.contains { $0?.outputSource != nil || $0?.isContinuationPosted == true }
    }

    /// One character through the configuration space (virtio 1.2, 5.3.4), for a guest without a queue yet. Lost if the
    /// host would block.
    public func writeConfiguration(_ bytes: [UInt8], atByteOffset offset: Int) {
        guard offset == ConsoleConfigSpace.emergencyWriteOffset, let character = bytes.first,
            let port = ports.first ?? nil
        else { return }
        writeOnce(character, to: port)
    }

    func signal(_ queue: Queue, _ index: Int) {
        if queue.shouldSignalDriver(), let index = UInt16(exactly: index) { active?.interrupt.signalQueue(index) }
    }

    /// A broken ring ends the whole device until the driver resets it. What was published before is signalled all the same.
    func fail(_ queue: Queue, _ index: Int, _ error: QueueError) {
        signal(queue, index)
        active?.interrupt.needsReset(.queue(index: UInt16(clamping: index), error))
        letGo()
    }
}

/// What a console has seen since it was made.
public struct ConsoleCounters: Sendable, Equatable {
    /// Bytes put into the guest's buffers.
    public internal(set) var receivedBytes: UInt64 = 0
    /// Bytes taken from the guest and written.
    public internal(set) var transmittedBytes: UInt64 = 0
    /// Bytes taken from the guest that nobody wanted any more.
    public internal(set) var discardedBytes: UInt64 = 0
    /// Control messages of the guest that made no sense.
    public internal(set) var malformedMessages: UInt64 = 0

    /// All zero.
    public init() {}
}
