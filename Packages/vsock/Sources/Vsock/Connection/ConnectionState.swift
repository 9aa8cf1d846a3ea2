// SPDX-License-Identifier: Apache-2.0

/// The rules of one connection, as the device sees them: what the guest may say when, and what it is owed. No buffers
/// and no sockets are in here.
///
/// ```
///  host opens:   requested ── RESPONSE ──► established
///                    └─────── RST, time-out ──► gone
///  guest opens:  dialing ── the host answers ──► established    (REQUEST came, RESPONSE is owed)
///                    └─────── the host does not ──► gone        (RST is owed)
///  established:  each side ends each direction once, by SHUTDOWN
///                the guest ended both: gone, RST is owed
///                the host ended both:  the guest's RST, or a time-out
/// ```
public struct ConnectionState: Equatable, Sendable {
    /// How far the connection is.
    public enum Phase: Equatable, Sendable {
        /// The guest asked; the host's end is being opened.
        case dialing
        /// The host asked; the guest has not answered.
        case requested
        /// Both agreed.
        case established
    }

    /// What the device must do after a packet of the guest.
    public enum Reaction: Equatable, Sendable {
        /// Nothing but to send what is owed.
        case none
        /// The guest accepted the connection that the host asked for.
        case accepted
        /// Pass the payload on to the host.
        case deliver
        /// The guest will not send, or not receive, or both; `guestShutdown` says what all together.
        case shutDown
        /// The connection is gone; the guest knows.
        case gone
        /// The guest broke a rule: the connection is gone and an RST must tell.
        case violation
        /// A message fills the whole buffer and has not ended, so it never will: gone as after a violation.
        case messageTooLong
    }

    /// Packets without data that are to be sent, each at most once however often it was asked for.
    struct Owed: OptionSet, Equatable, Sendable {
        let rawValue: UInt8
        static let request = Owed(rawValue: 1)
        static let response = Owed(rawValue: 2)
        static let shutdown = Owed(rawValue: 4)
        static let creditUpdate = Owed(rawValue: 8)
        static let creditRequest = Owed(rawValue: 16)
    }

    /// Stream or packets, at both ends (virtio 1.2, 5.10.6.6).
    public let type: VsockSocketType
    /// How far the connection is.
    public private(set) var phase: Phase
    /// Bytes of a message of the guest that has not ended.
    private var openByteCount: UInt32 = 0
    /// Who may send how much.
    public internal(set) var credit: VsockCredit
    /// What the guest said that it will not do any more.
    public private(set) var guestShutdown: VsockFlags = []
    /// What the host will not do any more; the guest is told, or about to be.
    public private(set) var hostShutdown: VsockFlags = []
    var owed: Owed
    /// The guest was asked for credit and has had none since.
    private(set) var hasAskedForCredit = false
    /// The REQUEST was sent, so that a RESPONSE makes sense.
    private(set) var hasRequested = false

    /// A connection that the host asks for. REQUEST is owed.
    public init(hostOpensWithBuffer bufferByteCount: UInt32, type: VsockSocketType = .stream) {
        self.type = type
        phase = .requested
        credit = VsockCredit(bufferByteCount: bufferByteCount)
        owed = .request
    }

    /// A connection that the guest asks for. Nothing is owed before `accept()`.
    public init(guestOpensWith request: VsockHeader, buffer bufferByteCount: UInt32) {
        type = request.type
        phase = .dialing
        credit = VsockCredit(bufferByteCount: bufferByteCount)
        credit.hear(request)
        owed = []
    }

    /// The host's end of a connection that the guest asked for is there: RESPONSE is owed.
    public mutating func accept() {
        guard phase == .dialing else { return }
        phase = .established
        owed.insert(.response)
    }

    /// Takes a packet of the guest.
    /// - Parameters:
    ///   - header: the packet's, as the guest wrote it.
    ///   - payloadByteCount: of an RW packet.
    public mutating func receive(_ header: VsockHeader, payloadByteCount: UInt32) -> Reaction {
        if header.operation == .reset { return .gone }
        // 5.10.6.6: both ends are of one type.
        guard header.type == type else { return .violation }
        credit.hear(header)
        // An answer that says "still none" must not be a reason to ask again: the two would never come to rest. A guest
        // tells of new room by itself (5.10.6.3).
        if credit.peerFreeByteCount > 0 { hasAskedForCredit = false }
        switch header.operation {
        case .response:
            guard phase == .requested, hasRequested else { return .violation }
            phase = .established
            return .accepted
        case .shutdown:
            // A guest that thought better of it before it was answered.
            guard phase == .established else { return .violation }
            guestShutdown.formUnion(header.flags.intersection(.noMoreAtAll))
            return .shutDown
        case .data:
            guard phase == .established, !guestShutdown.contains(.noMoreSending) else { return .violation }
            // 5.10.6.3.1: not more than there is room for.
            guard credit.receive(payloadByteCount) else { return .violation }
            guard type == .sequencedPacket else { return .deliver }
            openByteCount = header.flags.contains(.endOfMessage) ? 0 : openByteCount &+ payloadByteCount
            return openByteCount < credit.bufferByteCount ? .deliver : .messageTooLong
        case .creditUpdate:
            return .none
        case .creditRequest:
            if phase == .established { owed.insert(.creditUpdate) }
            return .none
        // A REQUEST for what exists: the guest has forgotten the connection.
        case .request, .reset, .other:
            return .violation
        }
    }

    /// The host will not send, or not receive, any more: SHUTDOWN is owed, unless the guest knows.
    public mutating func shutDownHost(_ flags: VsockFlags) {
        guard !hostShutdown.isSuperset(of: flags) else { return }
        hostShutdown.formUnion(flags)
        owed.insert(.shutdown)
    }

    /// Counts bytes of the guest that the host took.
    public mutating func forward(_ byteCount: UInt32) {
        credit.forward(byteCount)
        if credit.isUpdateDue, !guestShutdown.contains(.noMoreSending) { owed.insert(.creditUpdate) }
    }

    /// There is data for the guest and no room: CREDIT_REQUEST is owed, once until the guest has room.
    public mutating func askForCredit() {
        guard !hasAskedForCredit else { return }
        hasAskedForCredit = true
        owed.insert(.creditRequest)
    }

    /// Asks again, when the last question may have been forgotten.
    mutating func askForCreditAgain() {
        hasAskedForCredit = false
        askForCredit()
    }

    /// Whether the guest asked for the connection and has not been answered.
    var isGuestWaiting: Bool { phase == .dialing || owed.contains(.response) }

    /// Whether the guest has opened it, or has its REQUEST.
    var isKnownToGuest: Bool { phase != .requested || hasRequested }

    /// Whether both directions are over and the guest was told.
    public var hasToldEnd: Bool { hostShutdown == .noMoreAtAll && !owed.contains(.shutdown) }

    /// Takes the next owed packet without data, in the order in which the guest must see them.
    /// - Returns: operation and flags; nil if nothing is owed.
    public mutating func nextControl() -> (operation: VsockOperation, flags: VsockFlags)? {
        if owed.isEmpty { return nil }
        if owed.remove(.request) != nil {
            hasRequested = true
            return (.request, [])
        }
        if owed.remove(.response) != nil { return (.response, []) }
        if owed.remove(.shutdown) != nil { return (.shutdown, hostShutdown) }
        if owed.remove(.creditUpdate) != nil { return (.creditUpdate, []) }
        if owed.remove(.creditRequest) != nil { return (.creditRequest, []) }
        return nil
    }

    /// Whether data of the host may go to the guest at all, credit aside.
    public var maySend: Bool {
        phase == .established && !guestShutdown.contains(.noMoreReceiving) && !hostShutdown.contains(.noMoreSending)
    }
}
