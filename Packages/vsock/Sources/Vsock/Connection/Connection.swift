// SPDX-License-Identifier: Apache-2.0
internal import VirtioModel

/// Which connection: the two ports name it, as both ends' identifiers are always the same.
struct ConnectionKey: Hashable {
    let hostPort: UInt32
    let guestPort: UInt32
}

/// One connection with its two ends: the rules of the guest's, the socket of the host's, and what is in between.
final class Connection {
    let key: ConnectionKey
    var state: ConnectionState
    /// nil while it is being opened, and once the host is done with.
    var socket: HostSocket?
    /// What the guest sent and the host has not taken.
    var buffer: ByteRing
    /// Where the messages in `buffer` end; nil for a stream.
    let messages: MessageLengths?
    /// How much of the host's first message the guest was given.
    var passedByteCount = 0
    /// How much is left of it; if nothing was read of it, how long the one before was.
    var expectedByteCount: UInt64 = 0
    /// Reading the socket may give something.
    var mayHaveData = true {
        didSet { if !mayHaveData { isReadPaused = false } }
    }
    /// The last read filled the guest's buffer, so there is likely to be more.
    var isFilling = false
    /// The socket was readable again before it was read, so it is not watched for that until it was: most are read at
    /// once, and for them there is nothing to be changed.
    private(set) var isReadPaused = false
    /// The host's end is closed: what it sent before may still be read.
    var hasHungUp = false
    /// The host takes nothing any more.
    var isHostDeaf = false
    /// The host was told the end of what the guest sends.
    var hasEndedSending = false
    /// In the queue of those that have something for the guest.
    var isInTurn = false
    /// Removed: nothing is sent to the guest any more.
    var isGone = false
    /// When something must have happened, in nanoseconds of the monotonic clock.
    var deadline: UInt64?
    /// When an opening that is tried again and again has failed.
    var giveUpTime: UInt64 = 0

    private let budget: BufferBudget
    private let promised: Int

    init(_ key: ConnectionKey, _ state: ConnectionState, socket: HostSocket?, budget: BufferBudget) {
        self.key = key
        self.state = state
        self.socket = socket
        self.budget = budget
        let capacity = Int(state.credit.bufferByteCount)
        buffer = ByteRing(capacity: capacity)
        messages = state.type == .sequencedPacket ? MessageLengths(capacity: capacity) : nil
        promised = messages == nil ? capacity : 2 &* capacity
        budget.promised &+= promised
    }

    deinit { budget.promised &-= promised }

    /// How much of what is kept the host is to get with the next call: a message, or all of a stream; nil if nothing waits.
    var nextByteCount: Int? {
        if let messages { return messages.first }
        return buffer.isEmpty ? nil : buffer.count
    }

    /// Whether something waits for the host to take it.
    var isHostBehind: Bool { nextByteCount != nil }

    /// Forgets what is kept for the host.
    func dropKept() {
        buffer.removeAll()
        messages?.removeAll()
    }

    /// Whether there is a packet for the guest, or may be.
    var wantsTurn: Bool { !isGone && (!state.owed.isEmpty || mayRead) }

    /// Whether the host's socket is to be read now, or credit to be asked for to do so.
    private var mayRead: Bool {
        mayHaveData && socket != nil && state.maySend
            && (state.credit.peerFreeByteCount > 0 || !state.hasAskedForCredit)
    }

    /// The host's socket was found to be readable.
    func becameReadable() {
        if mayHaveData { isReadPaused = true }
        mayHaveData = true
    }

    /// What to wait for on the host's socket.
    var interest: EventSet {
        var interest: EventSet = []
        if !isGone, state.maySend, !isReadPaused { interest.insert(.read) }
        if isHostBehind { interest.insert(.write) }
        return interest
    }
}

/// What the device keeps for the guest at most, over all connections. A guest may fill what it was promised, so the
/// promise is what has to be bounded.
final class BufferBudget {
    private let total: Int
    private let each: UInt32
    fileprivate(set) var promised = 0

    init(total: Int, each: UInt32) {
        self.total = total
        self.each = each
    }

    /// What to promise to the next connection: less when much was promised already, but enough for it to go on.
    var share: UInt32 { min(each, UInt32(clamping: max((total &- promised) / 16, 4096))) }
}
