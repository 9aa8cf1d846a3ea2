// SPDX-License-Identifier: Apache-2.0
public import VirtioModel
public import VirtioQueue

/// A console as it is saved, besides the guest's memory: plain numbers, for any encoding. It may come from a file that
/// somebody wrote by hand; `ConsoleDevice.restore` checks it.
///
/// The host's descriptors are not in it: a restored console has ports with new ones. No byte is in it either, as a console
/// keeps none.
public struct ConsoleState: SavedDeviceState {
    /// The size of the consoles, if it is known.
    public var size: ConsoleSize?
    /// How many ports the console was made with.
    public var portCount: Int
    /// The ports that were taken away since.
    public var removedPorts: Set<UInt32>
    /// Those of which the driver is still to learn that they are gone.
    public var untoldRemovals: Set<UInt32>
    /// What the driver had started; nil if it had not, or had broken a ring.
    public var running: Running?

    /// What exists while a driver uses the console.
    public struct Running: Equatable, Sendable {
        /// Messages about ports, to the guest; nil without MULTIPORT, and while the driver has taken it away.
        public var controlReceive: QueueState?
        /// Messages about ports, from the guest; nil likewise.
        public var controlTransmit: QueueState?
        /// The ports by number; nil where one was taken away.
        public var ports: [Port?]

        /// Gathers saved values.
        public init(controlReceive: QueueState?, controlTransmit: QueueState?, ports: [Port?]) {
            self.controlReceive = controlReceive
            self.controlTransmit = controlTransmit
            self.ports = ports
        }
    }

    /// What the guest made of a port.
    public enum Opening: Equatable, Sendable {
        /// It is not open.
        case closed
        /// It is open.
        case open
        /// The guest closed it after so many chains of its transmit queue, and opened it again since or not.
        case closing(afterChains: UInt16, isReopened: Bool)
    }

    /// One port.
    public struct Port: Equatable, Sendable {
        /// To the guest; nil if the driver set up none, or has taken it away.
        public var receive: QueueState?
        /// From the guest; nil likewise.
        public var transmit: QueueState?
        /// Messages that the guest is still to get, each at most once. Bits: 2 DEVICE_ADD, 4 CONSOLE_PORT, 8 RESIZE,
        /// 16 PORT_NAME, 32 PORT_OPEN.
        public var owedMessages: UInt8
        /// Whether the guest has said PORT_READY.
        public var isReady: Bool
        /// Whether the guest has the port open.
        public var opening: Opening
        /// Whether the guest was told, or is to be told, that the host's end is closed.
        public var isHostClosed: Bool
        /// Bytes of the next chain of the transmit queue that are written already.
        public var writtenByteCount: UInt32

        /// Gathers saved values.
        public init(
            receive: QueueState? = nil, transmit: QueueState? = nil, owedMessages: UInt8 = 0, isReady: Bool = false,
            opening: Opening = .closed, isHostClosed: Bool = false, writtenByteCount: UInt32 = 0
        ) {
            self.receive = receive
            self.transmit = transmit
            self.owedMessages = owedMessages
            self.isReady = isReady
            self.opening = opening
            self.isHostClosed = isHostClosed
            self.writtenByteCount = writtenByteCount
        }
    }

    /// Gathers saved values.
    public init(
        size: ConsoleSize? = nil, portCount: Int, removedPorts: Set<UInt32> = [], untoldRemovals: Set<UInt32> = [],
        running: Running? = nil
    ) {
        self.size = size
        self.portCount = portCount
        self.removedPorts = removedPorts
        self.untoldRemovals = untoldRemovals
        self.running = running
    }

    /// Port 0, control, then the other ports (virtio 1.2, 5.3.2).
    public var queues: [QueueState?]? {
        running.map { running in
            var queues = [
                running.ports.first??.receive, running.ports.first??.transmit, running.controlReceive,
                running.controlTransmit,
            ]
            for port in running.ports.dropFirst() { queues += [port?.receive, port?.transmit] }
            return queues
        }
    }
}

/// Why a console is not restored.
public enum ConsoleStateError: Error, Equatable, Sendable {
    /// The console was not attached, or a driver uses it already.
    case notIdle
    /// The consoles' size is known in one of the two only, which is a matter of the features.
    case size(ConsoleSize?)
    /// The console has another number of ports.
    case portCount(saved: Int, Int)
    /// A port that is not there was taken away, or one that is there is not.
    case removal(port: UInt32)
    /// Control queues go with MULTIPORT, unless the driver may take them away, and nothing else has them.
    case control
    /// What is saved of the port contradicts itself, or the features.
    case port(Int)
    /// The console cannot have the queue.
    case queue(SavedQueueError)
}

extension ConsoleStateError: CustomStringConvertible {
    /// One line, the cause last.
    public var description: String {
        switch self {
        case .notIdle: "console: the device is in use, or nobody has attached it"
        case .size(nil): "console: saved without a size, which the device has"
        case .size(let size?): "console: saved with \(size.columns)×\(size.rows) characters, and the device has no size"
        case .portCount(let saved, let count): "console: saved with \(saved) ports, and the device has \(count)"
        case .removal(let port): "console: port \(port) cannot have been taken away as it was saved"
        case .control: "console: the saved control queues are not what was negotiated"
        case .port(let number): "console: what was saved of port \(number) contradicts itself"
        case .queue(let error): "console: saved \(error)"
        }
    }
}
