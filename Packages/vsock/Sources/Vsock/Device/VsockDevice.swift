// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VMMSysUtil
public import VirtioModel
public import VirtioQueue

/// A virtio socket device (virtio 1.2, 5.10): connections between programs of the guest and of the host.
///
/// ```
/// doorbell of queue 1 ──► queueNotified ──► takePackets   +Transmit   each packet to its connection:
///                                           ├─ open       +Opening    a socket for one that the guest asks for
///                                           ├─ deliver    +Transmit   into the host's socket; of messages +Messages
///                                           └─ schedule   +Host       the connection gets a turn if it has something to say
/// a socket is ready ────► happened ───────► schedule, serveUnasked
///
/// either of them ───────────────────────► givePackets     +Receive    owed packets, then data: a packet a turn
/// interrupt of each queue ◄── signal, once for all that was moved
///
/// doorbell of queue 2 ──► serveEvents     +Events     "everything is gone", after a restore
/// the host's programs ──► acceptAll       +Opening    CONNECT lines
/// time ─────────────────► timeCame        +Timers     one timer for all
/// ```
/// What happens to a connection in the end is in `VsockDevice+Closing`; what happens when a driver takes one queue away, in
/// `VsockDevice+Queues`.
public final class VsockDevice: QueueResettableDevice {
    /// The guest's address.
    public let guestCID: GuestCID
    /// What was chosen.
    public let options: VsockOptions
    /// What the device has seen so far.
    public internal(set) var counters = VsockCounters()

    let backend: any VsockBackend
    var host: DeviceHost?
    var active: Active?
    var connections: [ConnectionKey: Connection] = [:]
    /// Gone for the guest; what it sent before is still on its way to the host.
    var lingering: [ObjectIdentifier: Connection] = [:]
    var clients: [ObjectIdentifier: LineClient] = [:]
    let budget: BufferBudget
    var hostPorts: HostPorts
    /// Connections that have something for the guest, each at most once: one packet, then to the end of the queue.
    var turns = FIFO<Connection>()
    /// RSTs of connections that are not there any more, or never were.
    var strays = FIFO<VsockHeader>()
    var gate = EventGate.open
    /// Buffers of the event queue that the guest was given back and has not offered again.
    var unreturnedEventBufferCount = 0
    var clock = DeviceClock()
    /// Of streams and of packets, as far as the backend has them.
    var listenerSources: [any EventSource] = []
    var listenerPauseEnd: UInt64?
    /// When hosts whose backlogs are full are asked again, for all connections that wait for it.
    var redialTime: UInt64?
    var timer: TimerFD?
    var timerSource: (any EventSource)?
    var armedTime: UInt64?
    var isContinuationPosted = false
    /// One chain is dealt with before the next is taken.
    let receiveChain = ChainBuffers()
    let transmitChain = ChainBuffers()
    /// Empty but while a burst is received; as many as the longest burst had.
    var moreChains: [ChainBuffers] = []
    var pieces = IOVecs(capacity: 64)
    var gathered = GatheredPackets()

    /// What exists between `activate` and `reset`.
    final class Active {
        let interrupt: any Interrupt
        /// nil while the driver has taken it away, as the next.
        var receive: Queue?
        var transmit: Queue?
        /// A driver that sets up no event queue hears of no events.
        var event: Queue?
        /// What the driver accepted.
        let features: VirtioFeatures

        convenience init(_ activation: Activation) throws(ActivationError) {
            self.init(
                receive: try activation.queue(0), transmit: try activation.queue(1),
                event: activation.queues.indices.contains(2) ? activation.queues[2] : nil,
                features: activation.features, interrupt: activation.interrupt)
        }

        init(
            receive: Queue?, transmit: Queue?, event: Queue?, features: VirtioFeatures, interrupt: any Interrupt
        ) {
            self.receive = receive
            self.transmit = transmit
            self.event = event
            self.features = features
            self.interrupt = interrupt
            for case let queue? in [receive, transmit, event] { queue.malformedChainPolicy = .returnHead }
        }
    }

    /// Makes a device.
    /// - Parameters:
    ///   - guestCID: the guest's address.
    ///   - backend: the host's end of all connections.
    ///   - options: bounds on connections, buffers and time.
    public init(guestCID: GuestCID, backend: any VsockBackend, options: VsockOptions = VsockOptions()) {
        self.guestCID = guestCID
        self.backend = backend
        self.options = options
        budget = BufferBudget(total: options.bufferTotalByteCountMax, each: options.heldBufferByteCount)
        hostPorts = HostPorts(last: options.lastHostPort)
    }

    deinit {
        stopListening()
        timerSource?.remove()
    }

    /// `.socket`.
    public var deviceID: DeviceID { .socket }
    /// To the guest, from the guest, events (virtio 1.2, 5.10.2).
    public var queueMaximumSizes: [UInt16] { [options.queueSize, options.queueSize, min(options.queueSize, 16)] }
    /// What the queues do, and both kinds of sockets (5.10.3).
    public var offeredFeatures: VirtioFeatures {
        [.implementedByQueue, .vsockStream, .vsockSequencedPacket, .vsockNoImpliedStream]
    }
    /// The guest's address, 64 bits (5.10.4).
    public var initialConfiguration: [UInt8] { withUnsafeBytes(of: guestCID.rawValue.littleEndian) { Array($0) } }
    /// The host's port that was given out last, to be saved; see `VsockOptions.lastHostPort`.
    public var lastHostPort: UInt32? { hostPorts.last }
    /// Connections now, those that are opening and closing included; at most `options.connectionLimit`.
    public var connectionCount: Int { connections.count + lingering.count + clients.count }

    /// Bytes that came from the guest and no program has taken; for tests.
    package var keptByteCount: Int {
        connections.values.reduce(0) { $0 + $1.buffer.count } + lingering.values.reduce(0) { $0 + $1.buffer.count }
    }

    /// Entries of the lists of what waits for the guest; for tests.
    package var waitingCount: Int { turns.count + strays.count }

    /// Keeps the host.
    public func attach(to host: DeviceHost) { self.host = host }

    /// Takes the queues and lets programs in; those that came before wait in the listener's backlog until now.
    public func activate(_ activation: Activation) throws(ActivationError) {
        guard let host else { throw .host(.notPermitted) }
        let active = try Active(activation)
        do throws(Errno) {
            try startTimer(host)
        } catch {
            throw .host(error)
        }
        self.active = active
        resumeListening()
    }

    /// Whether the device leaves guest memory alone until `resume()`.
    public var isPaused: Bool { clock.isStopped }

    /// Takes what the guest had sent, and drops all connections. What is on its way to the host still arrives: a guest
    /// that powers off right after its last write has said all of it.
    public func reset() {
        // Nobody waits for RSTs any more, so they are no reason to leave something in the queue.
        strays.removeAll()
        if active != nil { _ = takePackets(limit: Int(options.queueSize), resetLimit: .max) }
        letGo()
    }

    /// Serves both directions whichever was notified: each waits for the other at times.
    public func queueNotified(_ index: UInt16) -> QueueService {
        guard active != nil, !isPaused else { return .drained }
        let events = index == 2 ? serveEvents() : .drained
        return serveBothDirections(receiveLimit: Self.chainsPerTurn) == .again ? .again : events
    }

    /// Moves what can be moved, up to a bound.
    private func serveBothDirections(receiveLimit: Int) -> QueueService {
        let transmit = takePackets(limit: Self.chainsPerTurn, resetLimit: options.pendingResetLimit)
        let receive = givePackets(limit: receiveLimit)
        // Room for RSTs that came free is a reason to go on with what was left for want of it.
        if transmit == .again || receive == .again { return .again }
        return .drained
    }

    /// Serves now, and goes on later if that was not all; after anything that the driver did not ring for.
    ///
    /// If several connections have something to say, each says one thing: the event loop may know of more of them, who
    /// must not wait until those that it told of first are done.
    func serveUnasked() { serveUnasked(receiveLimit: turns.count > 1 ? turns.count : Self.chainsPerTurn) }

    private func serveUnasked(receiveLimit: Int) {
        guard active != nil, !isPaused else { return }
        let limit = min(receiveLimit &+ strays.count, Self.chainsPerTurn)
        guard serveBothDirections(receiveLimit: limit) == .again, let host, !isContinuationPosted else { return }
        isContinuationPosted = true
        let device = Confined(WeakDevice(self))
        host.executor.perform {
            guard let device = device.value.device else { return }
            device.isContinuationPosted = false
            device.serveUnasked(receiveLimit: Self.chainsPerTurn)
        }
    }

    /// Drops everything that `activate` gave.
    func letGo() {
        active = nil
        receiveChain.removeAll()
        transmitChain.removeAll()
        for connection in Array(connections.values) { remove(connection) }
        gathered.removeAll()
        moreChains.removeAll()
        connections.removeAll()
        clients.removeAll()
        turns.removeAll()
        strays.removeAll()
        gate = .open
        unreturnedEventBufferCount = 0
        eventChains.removeAll()
        stopListening()
        redialTime = nil
        timerSource?.remove()
        timerSource = nil
        timer = nil
        armedTime = nil
        clock.start()
    }

    /// Buffers of the event queue, taken as soon as the driver offers them.
    var eventChains = FIFO<ChainBuffers>()

    /// A broken ring ends the whole device until the driver resets it. What was published before is signalled all the same.
    func fail(_ queue: Queue, _ index: UInt16, _ error: QueueError) {
        signal(queue, index)
        active?.interrupt.needsReset(.queue(index: index, error))
        letGo()
    }

    func signal(_ queue: Queue, _ index: UInt16) {
        if queue.shouldSignalDriver() { active?.interrupt.signalQueue(index) }
    }
}

private final class WeakDevice {
    weak var device: VsockDevice?
    init(_ device: VsockDevice) { self.device = device }
}
