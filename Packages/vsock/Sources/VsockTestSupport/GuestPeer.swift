// SPDX-License-Identifier: Apache-2.0
internal import VMMemory
internal import VirtioModel
public import VirtioQueue
public import VirtioQueueTestSupport
public import Vsock

/// The guest's side of a vsock device: driver and socket layer, as a guest kernel has them, without a guest and without
/// KVM. Everything happens in `run()`, on the calling thread.
public final class GuestPeer {
    /// How a packet is cut into descriptors.
    public enum Layout: Sendable, CaseIterable {
        /// One descriptor, as Linux does since 6.2.
        case single
        /// The header in one, the payload in another, as Linux did before.
        case headerThenPayload
        /// Cut everywhere, the header too.
        case pieces
        /// A table of descriptors.
        case indirect
    }

    /// A packet that the device gave.
    public struct Packet: Equatable, Sendable {
        /// The header.
        public var header: VsockHeader
        /// What came behind it.
        public var payload: [UInt8]
    }

    /// The device.
    public private(set) var device: VsockDevice
    /// Its thread.
    public let loop: PollLoop
    /// What the device asked for.
    public let interrupt = RecordingInterrupt()
    /// To the guest.
    public internal(set) var receiveQueue: any RingDriver
    /// From the guest.
    public internal(set) var transmitQueue: any RingDriver
    /// Events.
    public internal(set) var eventQueue: any RingDriver
    /// Queues that the guest has taken away from the device.
    public internal(set) var awayQueues: Set<UInt16> = []
    /// Packets in the order in which they came, if `keepsPackets`.
    public var packets: [Packet] = []
    /// Whether packets are kept; else they only go to the sockets.
    public var keepsPackets = true
    /// Whether sockets do what a kernel's would do; else packets wait for `catchUp()`.
    public var answers = true
    /// Whether received buffers are given back to the device.
    public var refills = true
    /// Whether the doorbell rings for each packet of a socket; else for all of them at the next `run()`.
    public var rings = true
    /// Ports on which the guest's programs listen.
    public var listening: Set<UInt32> = []
    /// Sockets that are not closed, by both ports.
    public internal(set) var sockets: [SocketName: GuestSocket] = [:]
    /// Sockets that came to a listening port.
    public internal(set) var incoming: [GuestSocket] = []
    /// Identifiers of the events that came.
    public internal(set) var events: [UInt32] = []
    /// How packets are cut.
    public var layout = Layout.headerThenPayload
    /// The receive buffer of each socket.
    public var bufferByteCount: UInt32 = 64 << 10
    /// Ports of sockets that do not choose one.
    public var nextPort: UInt32 = 49152

    /// Both ports of a socket.
    public struct SocketName: Hashable, Sendable {
        /// The guest's.
        public var port: UInt32
        /// The host's.
        public var hostPort: UInt32
    }

    let memory: GuestMemory
    let queueSize: UInt16
    let features: VirtioFeatures
    let receiveBufferByteCount: UInt32
    var receiveBuffers: [UInt16: DriverQueue.Buffer] = [:]
    var eventBuffers: [UInt16: DriverQueue.Buffer] = [:]
    var transmitHeap = GuestAddress(0)
    var transmitSize: UInt16 = 0
    /// What is in the transmit queue, and what waits for that to be back or to have room, in the order in which it was put.
    var sentChains: [TransmitChain] = []
    var waitingChains: [TransmitChain] = []
    /// What the sockets said while the queue was full.
    var backlog: [VsockHeader] = []
    var unanswered: [Packet] = []
    var unansweredEvents: [DriverQueue.Buffer] = []

    /// Sets a device up and gives it buffers.
    /// - Parameters:
    ///   - device: the device, not yet activated.
    ///   - loop: what watches the host's descriptors.
    ///   - queueSize: of each of the three queues.
    ///   - receiveBufferByteCount: of each buffer for packets to the guest.
    ///   - features: what the guest negotiates, and so what form its rings have.
    public init(
        _ device: VsockDevice, loop: PollLoop = PollLoop(), queueSize: UInt16 = 64,
        receiveBufferByteCount: UInt32 = 44 + 4096,
        features: VirtioFeatures = [.version1, .indirectDescriptors, .eventIndex, .vsockSequencedPacket]
    ) throws {
        self.device = device
        self.loop = loop
        self.queueSize = queueSize
        self.receiveBufferByteCount = receiveBufferByteCount
        self.features = features
        guard let range = GuestRange(start: GuestAddress(0x1000), byteCount: 64 << 20) else {
            throw GuestMemoryError.unmapped(GuestAddress(0x1000))
        }
        memory = try GuestMemory.anonymous([range])
        (receiveQueue, transmitQueue, eventQueue) = try Self.queues(memory, queueSize, features)
        device.attach(
            to: DeviceHost(configuration: RecordingConfiguration(), events: loop, executor: loop.executor))
        try start()
    }

    private static func queues(
        _ memory: GuestMemory, _ size: UInt16, _ features: VirtioFeatures
    ) throws(GuestMemoryError) -> (any RingDriver, any RingDriver, any RingDriver) {
        (
            try makeRingDriver(memory: memory, size: size, at: GuestAddress(0x10_0000), features: features),
            try makeRingDriver(memory: memory, size: size, at: GuestAddress(0x200_0000), features: features),
            try makeRingDriver(memory: memory, size: min(size, 16), at: GuestAddress(0x10000), features: features)
        )
    }

    private func start() throws {
        awayQueues.removeAll()
        sentChains.removeAll()
        waitingChains.removeAll()
        try device.activate(
            Activation(
                memory: memory, features: features,
                configurations: [
                    receiveQueue.configuration, transmitQueue.configuration, eventQueue.configuration,
                ], interrupt: interrupt))
        transmitHeap = transmitQueue.heap
        transmitSize = queueSize
        receiveBuffers.removeAll()
        eventBuffers.removeAll()
        if refills { try refill(Int(queueSize)) }
        for _ in 0..<min(queueSize, 8) { try offerEventBuffer() }
        for index in 0..<3 as Range<UInt16> { notify(index) }
    }

    /// Resets the device and starts it anew; the guest forgets its sockets.
    public func restart() throws {
        device.reset()
        forgetSockets()
        incoming.removeAll()
        packets.removeAll()
        backlog.removeAll()
        unanswered.removeAll()
        unansweredEvents.removeAll()
        (receiveQueue, transmitQueue, eventQueue) = try Self.queues(memory, queueSize, features)
        try start()
    }

    /// Goes on with another device that is restored from a saved state, as a guest does that is saved with its memory
    /// and started again. The one before must be paused, or gone; it is let go.
    public func move(to device: VsockDevice, restoring state: VsockState) throws {
        device.attach(
            to: DeviceHost(configuration: RecordingConfiguration(), events: loop, executor: loop.executor))
        try device.restore(state, memory: memory, features: features, interrupt: interrupt)
        self.device = device
        device.resume()
        // What a transport does, whoever rang before the save.
        for index in 0..<3 as Range<UInt16> { notify(index) }
    }

    /// Gives the device so many buffers for packets.
    public func refill(_ count: Int) throws {
        for _ in 0..<min(count, receiveQueue.freeCount) {
            let buffer = receiveQueue.buffer(room: receiveBufferByteCount)
            if let head = try receiveQueue.add([buffer], isIndirect: false) { receiveBuffers[head] = buffer }
        }
        try receiveQueue.publish()
    }

    /// Gives the device a buffer for an event, a new one or one that came back.
    public func offerEventBuffer(_ returned: DriverQueue.Buffer? = nil) throws {
        let buffer = returned ?? eventQueue.buffer(room: 8)
        if let head = try eventQueue.send(chain: [buffer]) { eventBuffers[head] = buffer }
    }

    /// Rings a doorbell until the device is done with what is there.
    public func notify(_ index: UInt16) {
        while device.queueNotified(index) == .again {}
    }

    // MARK: Packets

    /// A header of this guest to the host.
    public func header(
        _ operation: VsockOperation, port: UInt32, hostPort: UInt32, payloadByteCount: UInt32 = 0
    ) -> VsockHeader {
        VsockHeader(
            sourceCID: device.guestCID.rawValue, destinationCID: GuestCID.host, sourcePort: port,
            destinationPort: hostPort, operation: operation, payloadByteCount: payloadByteCount,
            bufferByteCount: bufferByteCount)
    }

    /// Sends a packet as it is, right or wrong, without ringing.
    /// - Returns: false if the queue is full. What is put while the queue is away waits for it.
    @discardableResult
    public func put(_ header: VsockHeader, _ payload: [UInt8] = []) throws -> Bool {
        try takeBackTransmitted()
        let bytes = header.bytes + payload
        var buffers: [DriverQueue.Buffer] = []
        switch layout {
        case .single, .indirect: buffers = [try transmitQueue.buffer(of: bytes)]
        case .headerThenPayload:
            buffers = [try transmitQueue.buffer(of: header.bytes)]
            if !payload.isEmpty { buffers.append(try transmitQueue.buffer(of: payload)) }
        case .pieces:
            for cut in [
                0..<1, 1..<17, 17..<43, 43..<(44 + min(payload.count, 3)), (44 + min(payload.count, 3))..<bytes.count,
            ]
            where !cut.isEmpty {
                buffers.append(try transmitQueue.buffer(of: Array(bytes[cut])))
            }
        }
        return try offer(TransmitChain(buffers: buffers, isIndirect: layout == .indirect))
    }

    /// Sends a packet as it is and rings.
    public func send(_ header: VsockHeader, _ payload: [UInt8] = []) throws {
        try put(header, payload)
        notify(1)
    }

    /// Sends a packet of a socket's own, now or when the queue has room again: a kernel forgets none.
    func sendSoon(_ header: VsockHeader) throws {
        backlog.append(header)
        try sendBacklog()
    }

    private func sendBacklog() throws {
        while let header = backlog.first, try put(header) {
            backlog.removeFirst()
            if rings { notify(1) }
        }
    }

    /// Takes the packets that came, gives their buffers back, and has the sockets answer.
    /// - Returns: whether there were any.
    @discardableResult
    public func takePackets() throws -> Bool {
        if !rings { notify(1) }
        try sendWaiting()
        try sendBacklog()
        var came: [Packet] = []
        while let used = try receiveQueue.takeBack() {
            guard let head = UInt16(exactly: used.head), let buffer = receiveBuffers.removeValue(forKey: head) else {
                continue
            }
            let bytes = try receiveQueue.bytes(
                of: .init(buffer.address, min(used.written, buffer.byteCount), isWritable: true))
            if let header = bytes.withUnsafeBytes({ VsockHeader(bytes: $0) }) {
                came.append(Packet(header: header, payload: Array(bytes.dropFirst(VsockHeader.byteCount))))
            }
            if refills, let head = try receiveQueue.add([buffer], isIndirect: false) { receiveBuffers[head] = buffer }
        }
        try receiveQueue.publish()
        if keepsPackets { packets.append(contentsOf: came) }
        if answers { for packet in came { try answer(packet) } } else { unanswered.append(contentsOf: came) }
        var hadEvent = false
        while let used = try eventQueue.takeBack() {
            hadEvent = true
            try takeEvent(used)
        }
        guard !came.isEmpty || hadEvent else { return false }
        notify(0)
        return true
    }

    private func takeEvent(_ used: DriverQueue.Used) throws {
        // What a test has put into the queue itself is none of the guest's.
        guard let head = UInt16(exactly: used.head), let buffer = eventBuffers.removeValue(forKey: head) else { return }
        // A kernel knows an event by its length, and offers the buffer again in any case.
        guard used.written == 4 else {
            try offerEventBuffer(buffer)
            return notify(2)
        }
        events.append(try memory.load(UInt32.self, at: buffer.address))
        if answers { try dropSockets(givingBack: buffer) } else { unansweredEvents.append(buffer) }
    }

    /// Lets device and guest work until neither has anything to do.
    /// - Parameter milliseconds: how long to wait for something to happen at first.
    public func run(waiting milliseconds: Int32 = 0) throws {
        var timeout = milliseconds
        for _ in 0..<1_000_000 {
            let isBusy = loop.runOnce(timeoutMilliseconds: timeout)
            timeout = 0
            if !(try takePackets()) && !isBusy { return }
        }
    }

    /// Lets both work until something is true.
    /// - Returns: false if it did not become so in ten seconds.
    public func run(until isDone: () throws -> Bool) throws -> Bool {
        for _ in 0..<1000 {
            try run()
            if try isDone() { return true }
            loop.runOnce(timeoutMilliseconds: 10)
        }
        return try isDone()
    }
}
