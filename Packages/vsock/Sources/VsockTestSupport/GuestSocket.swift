// SPDX-License-Identifier: Apache-2.0
public import Vsock

/// A socket in the guest, of streams or of packets, which does what a guest kernel's does: keeps what came until the program reads it, and
/// tells the host of the room that comes free.
public final class GuestSocket {
    /// How far the connection is.
    public enum Phase: Equatable, Sendable {
        /// REQUEST sent.
        case connecting
        /// Both agreed.
        case established
        /// RST came or went.
        case closed
    }

    /// Streams or packets.
    public let type: VsockSocketType
    /// The guest's port.
    public let port: UInt32
    /// The host's port.
    public let hostPort: UInt32
    /// How far the connection is.
    public internal(set) var phase: Phase
    /// What the program has not read yet of a stream; of packets, what has come of a message that has not ended.
    public internal(set) var unread: [UInt8] = []
    /// Messages that the program has not read yet, each with what ended it.
    public internal(set) var messages: [Message] = []
    /// All that ever came, counted.
    public internal(set) var receivedByteCount: UInt64 = 0
    /// What the host said that it will not do any more.
    public var hostShutdown: VsockFlags = []
    /// What this end will not do any more.
    public internal(set) var ownShutdown: VsockFlags = []

    /// A message that came.
    public struct Message: Equatable, Sendable {
        /// What it says.
        public var bytes: [UInt8]
        /// The flags of its last packet.
        public var flags: VsockFlags

        /// A message of the device.
        public init(_ bytes: [UInt8], _ flags: VsockFlags = .endOfMessage) {
            self.bytes = bytes
            self.flags = flags
        }
    }

    let bufferByteCount: UInt32
    var forwarded: UInt32 = 0
    var told: UInt32 = 0
    var sent: UInt32 = 0
    var hostBuffer: UInt32 = 0
    var hostForwarded: UInt32 = 0

    init(_ type: VsockSocketType, port: UInt32, hostPort: UInt32, phase: Phase, bufferByteCount: UInt32) {
        self.type = type
        self.port = port
        self.hostPort = hostPort
        self.phase = phase
        self.bufferByteCount = bufferByteCount
    }

    /// How many bytes may be sent now.
    public var credit: Int {
        let outstanding = sent &- hostForwarded
        return outstanding > hostBuffer ? 0 : Int(hostBuffer - outstanding)
    }

    /// How large the host said that its buffer is: no message may be longer.
    public var messageByteCountMax: Int { Int(hostBuffer) }

    /// Whether nothing is left for the program to read.
    var isDrained: Bool { type == .stream ? unread.isEmpty : messages.isEmpty }

    /// Takes the payload of a packet.
    func take(_ packet: GuestPeer.Packet) {
        unread.append(contentsOf: packet.payload)
        receivedByteCount += UInt64(packet.payload.count)
        guard type == .sequencedPacket, packet.header.flags.contains(.endOfMessage) else { return }
        messages.append(Message(unread, packet.header.flags))
        unread.removeAll()
    }

    /// Whether the program reads the end of the stream after what is unread.
    public var isAtEnd: Bool { phase == .closed || hostShutdown.contains(.noMoreSending) }
}
