// SPDX-License-Identifier: Apache-2.0
public import Vsock

/// A stream socket in the guest, which does what a guest kernel's does: keeps what came until the program reads it, and
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

    /// The guest's port.
    public let port: UInt32
    /// The host's port.
    public let hostPort: UInt32
    /// How far the connection is.
    public internal(set) var phase: Phase
    /// What the program has not read yet.
    public internal(set) var unread: [UInt8] = []
    /// All that ever came, counted.
    public internal(set) var receivedByteCount: UInt64 = 0
    /// What the host said that it will not do any more.
    public var hostShutdown: VsockFlags = []
    /// What this end will not do any more.
    public internal(set) var ownShutdown: VsockFlags = []

    let bufferByteCount: UInt32
    var forwarded: UInt32 = 0
    var told: UInt32 = 0
    var sent: UInt32 = 0
    var hostBuffer: UInt32 = 0
    var hostForwarded: UInt32 = 0

    init(port: UInt32, hostPort: UInt32, phase: Phase, bufferByteCount: UInt32) {
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

    /// Whether the program reads the end of the stream after what is unread.
    public var isAtEnd: Bool { phase == .closed || hostShutdown.contains(.noMoreSending) }
}
