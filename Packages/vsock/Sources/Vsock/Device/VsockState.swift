// SPDX-License-Identifier: Apache-2.0
public import VMMSysUtil
public import VirtioModel
public import VirtioQueue

/// A device as it is saved, besides the guest's memory: plain numbers, for any encoding. It may come from a file that
/// somebody wrote by hand; `VsockDevice.restore` checks it.
///
/// Connections are not in it: their other ends are sockets, which a restored machine does not have.
public struct VsockState: SavedDeviceState {
    /// The guest's address.
    public var guestCID: UInt64
    /// The host's port that was given out last, as the guest may still remember those; nil before the first.
    public var lastHostPort: UInt32?
    /// What the driver had started; nil if it had not, or had broken a ring.
    public var running: Running?

    /// What exists while a driver uses the device.
    public struct Running: Equatable, Sendable {
        /// The queue of packets to the guest; nil while the driver has taken it away.
        public var receive: QueueState?
        /// The queue of packets from the guest; nil likewise.
        public var transmit: QueueState?
        /// The queue of events; nil if the driver set up none, or has taken it away.
        public var event: QueueState?
        /// The buffers in flight of the event queue; the other queues have none.
        public var eventBuffers: [EventBuffer]
        /// How many buffers of the event queue the guest was given back and has not offered again.
        public var unreturnedEventBufferCount: UInt16
        /// Whether the guest was to hear of a transport reset when it took its event queue away.
        public var isEventOwed: Bool
        /// What the guest waits for, and will not get but by an RST.
        public var resets: [Reset]

        /// Gathers saved values.
        public init(
            receive: QueueState?, transmit: QueueState?, event: QueueState?, eventBuffers: [EventBuffer] = [],
            unreturnedEventBufferCount: UInt16 = 0, isEventOwed: Bool = false, resets: [Reset] = []
        ) {
            self.receive = receive
            self.transmit = transmit
            self.event = event
            self.eventBuffers = eventBuffers
            self.unreturnedEventBufferCount = unreturnedEventBufferCount
            self.isEventOwed = isEventOwed
            self.resets = resets
        }
    }

    /// A buffer that was taken out of the event queue.
    public struct EventBuffer: Equatable, Sendable {
        /// The index of its first descriptor; in a packed ring its buffer id.
        public var head: UInt16
        /// How many slots of a packed ring it takes; 1 in a split one.
        public var slotCount: UInt16

        /// Gathers saved values.
        public init(head: UInt16, slotCount: UInt16 = 1) {
            self.head = head
            self.slotCount = slotCount
        }
    }

    /// An RST for the guest.
    public struct Reset: Equatable, Sendable {
        /// The host's port of the pair that it is about.
        public var hostPort: UInt32
        /// The guest's port.
        public var guestPort: UInt32
        /// The kind of the guest's socket.
        public var type: VsockSocketType

        /// Gathers saved values.
        public init(hostPort: UInt32, guestPort: UInt32, type: VsockSocketType = .stream) {
            self.hostPort = hostPort
            self.guestPort = guestPort
            self.type = type
        }
    }

    /// Receive, transmit, event.
    public var queues: [QueueState?]? { running.map { [$0.receive, $0.transmit, $0.event] } }

    /// Gathers saved values.
    public init(guestCID: UInt64, lastHostPort: UInt32? = nil, running: Running? = nil) {
        self.guestCID = guestCID
        self.lastHostPort = lastHostPort
        self.running = running
    }
}

/// Why a device is not restored.
public enum VsockStateError: Error, Equatable, Sendable {
    /// The device was not attached, or a driver uses it already.
    case notIdle
    /// The state is of another guest, whose sockets have another address.
    case guestCID(saved: UInt64)
    /// No port that the device gives out.
    case hostPort(UInt32)
    /// The device cannot have a queue.
    case queue(SavedQueueError)
    /// A queue is not there that the device needs, and that no driver can have taken away.
    case missingQueue(index: Int)
    /// An event waits for a queue that is there, or that cannot come.
    case eventOwed
    /// The event queue cannot have such a buffer in flight.
    case eventBuffer(VsockState.EventBuffer)
    /// More buffers of the event queue are said to be at the guest than there can be.
    case unreturnedEventBuffers(UInt16)
    /// More RSTs than a device with these options can owe.
    case resets(count: Int)
    /// The host refused a timer.
    case host(Errno)
}

extension VsockStateError: CustomStringConvertible {
    /// One line, the cause last.
    public var description: String {
        switch self {
        case .notIdle: "vsock: the device is in use, or nobody has attached it"
        case .guestCID(let saved): "vsock: saved of the guest with CID \(saved)"
        case .hostPort(let port): "vsock: saved port \(port) is none of the host's"
        case .queue(let error): "vsock: saved \(error)"
        case .missingQueue(let index): "vsock: saved without queue \(index)"
        case .eventOwed: "vsock: a saved event waits for no queue"
        case .eventBuffer(let buffer):
            "vsock: saved buffer \(buffer.head) of \(buffer.slotCount) slots cannot be in flight"
        case .unreturnedEventBuffers(let count): "vsock: \(count) saved buffers are more than the event queue has"
        case .resets(let count): "vsock: \(count) saved RSTs are more than the device can owe"
        case .host(let error): "vsock: host refused: \(error)"
        }
    }
}
