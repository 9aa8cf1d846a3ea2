// SPDX-License-Identifier: Apache-2.0

/// What stands before every vsock packet (virtio 1.2, 5.10.6): 44 bytes, little-endian.
///
/// Counts and sizes are as the sender wrote them; nothing here is checked yet.
public struct VsockHeader: Equatable, Sendable {
    /// The length of the header itself.
    public static let byteCount = 44

    /// The context identifier of the sender.
    public var sourceCID: UInt64
    /// The context identifier of the receiver.
    public var destinationCID: UInt64
    /// The port of the sender.
    public var sourcePort: UInt32
    /// The port of the receiver.
    public var destinationPort: UInt32
    /// How many bytes follow the header (`len`).
    public var payloadByteCount: UInt32
    /// Stream or packets.
    public var type: VsockSocketType
    /// What the packet says.
    public var operation: VsockOperation
    /// More about what it says; the meaning depends on the operation.
    public var flags: VsockFlags
    /// How many bytes the sender's receive buffer of this connection holds (`buf_alloc`).
    public var bufferByteCount: UInt32
    /// How many bytes of this connection the sender has passed on to its application so far, modulo 2^32 (`fwd_cnt`).
    public var forwardedCount: UInt32

    /// Makes a header.
    public init(
        sourceCID: UInt64, destinationCID: UInt64, sourcePort: UInt32, destinationPort: UInt32,
        operation: VsockOperation, payloadByteCount: UInt32 = 0, type: VsockSocketType = .stream,
        flags: VsockFlags = [], bufferByteCount: UInt32 = 0, forwardedCount: UInt32 = 0
    ) {
        self.sourceCID = sourceCID
        self.destinationCID = destinationCID
        self.sourcePort = sourcePort
        self.destinationPort = destinationPort
        self.operation = operation
        self.payloadByteCount = payloadByteCount
        self.type = type
        self.flags = flags
        self.bufferByteCount = bufferByteCount
        self.forwardedCount = forwardedCount
    }

    /// The header of an RST that answers this packet: back where it came from, of the same type (5.10.6.4.1).
    public var resetAnswer: VsockHeader {
        VsockHeader(
            sourceCID: destinationCID, destinationCID: sourceCID, sourcePort: destinationPort,
            destinationPort: sourcePort, operation: .reset, type: type)
    }
}

/// The kind of a socket (virtio 1.2, 5.10.6.6). A number of no kind known here is kept.
public enum VsockSocketType: RawRepresentable, Hashable, Sendable {
    /// VIRTIO_VSOCK_TYPE_STREAM: bytes in order.
    case stream
    /// VIRTIO_VSOCK_TYPE_SEQPACKET: messages in order.
    case sequencedPacket
    /// Any other number.
    case other(UInt16)

    /// The kind of a number.
    public init(rawValue: UInt16) {
        switch rawValue {
        case 1: self = .stream
        case 2: self = .sequencedPacket
        default: self = .other(rawValue)
        }
    }

    /// The number in the header.
    public var rawValue: UInt16 {
        switch self {
        case .stream: 1
        case .sequencedPacket: 2
        case .other(let number): number
        }
    }
}

/// What a packet says (virtio 1.2, 5.10.6). A number of no operation known here is kept.
public enum VsockOperation: RawRepresentable, Hashable, Sendable {
    /// Asks for a connection.
    case request
    /// Accepts one.
    case response
    /// Refuses or ends one at once.
    case reset
    /// Says what the sender will not do any more; see `VsockFlags`.
    case shutdown
    /// Carries data.
    case data
    /// Tells the sender's buffer size and count; every packet does, this one does nothing else.
    case creditUpdate
    /// Asks for a `creditUpdate`.
    case creditRequest
    /// Any other number; 0 is VIRTIO_VSOCK_OP_INVALID.
    case other(UInt16)

    /// The operation of a number.
    public init(rawValue: UInt16) {
        switch rawValue {
        case 1: self = .request
        case 2: self = .response
        case 3: self = .reset
        case 4: self = .shutdown
        case 5: self = .data
        case 6: self = .creditUpdate
        case 7: self = .creditRequest
        default: self = .other(rawValue)
        }
    }

    /// The number in the header.
    public var rawValue: UInt16 {
        switch self {
        case .request: 1
        case .response: 2
        case .reset: 3
        case .shutdown: 4
        case .data: 5
        case .creditUpdate: 6
        case .creditRequest: 7
        case .other(let number): number
        }
    }
}

/// The flags of a packet. Bits that have no name here are kept.
public struct VsockFlags: OptionSet, Hashable, Sendable {
    /// The bits in the header.
    public let rawValue: UInt32

    /// Wraps bits.
    public init(rawValue: UInt32) { self.rawValue = rawValue }

    /// Of a `shutdown`: the sender will receive no more (VIRTIO_VSOCK_SHUTDOWN_F_RECEIVE).
    public static let noMoreReceiving = VsockFlags(rawValue: 1)
    /// Of a `shutdown`: the sender will send no more (VIRTIO_VSOCK_SHUTDOWN_F_SEND).
    public static let noMoreSending = VsockFlags(rawValue: 2)
    /// Of `data` between packet sockets: the message ends here (VIRTIO_VSOCK_SEQ_EOM).
    public static let endOfMessage = VsockFlags(rawValue: 1)
    /// Of `data` between packet sockets: the record ends here (VIRTIO_VSOCK_SEQ_EOR).
    public static let endOfRecord = VsockFlags(rawValue: 2)

    /// Both halves of a shutdown.
    public static let noMoreAtAll: VsockFlags = [.noMoreReceiving, .noMoreSending]
}
