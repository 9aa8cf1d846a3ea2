// SPDX-License-Identifier: Apache-2.0

/// Who may send how much on one connection, counted on both sides (virtio 1.2, 5.10.6.3).
///
/// Each side says how large its receive buffer is and how many bytes of it were passed on since the connection began.
/// What the other may still send follows from that, so no byte is ever sent that the receiver has no room for. All counts
/// are modulo 2^32.
public struct VsockCredit: Equatable, Sendable {
    /// How many bytes the device keeps for the guest at most.
    public private(set) var bufferByteCount: UInt32

    /// Bytes that came from the guest.
    private(set) var receivedCount: UInt32 = 0
    /// Of them, what left the device's buffer.
    private(set) var forwardedCount: UInt32 = 0
    /// The forwarded count that the guest heard last.
    private var toldCount: UInt32 = 0
    /// Bytes that went to the guest.
    private(set) var sentCount: UInt32 = 0
    /// What the guest said last.
    private(set) var peerBufferByteCount: UInt32 = 0
    private var peerForwardedCount: UInt32 = 0

    /// Nothing sent yet, and nothing heard, so nothing may be sent.
    public init(bufferByteCount: UInt32) { self.bufferByteCount = bufferByteCount }

    /// Promises less, before the guest heard of it.
    mutating func limitBuffer(to byteCount: UInt32) { bufferByteCount = min(bufferByteCount, byteCount) }

    /// Takes note of what a packet of the guest says about its buffer.
    public mutating func hear(_ header: VsockHeader) {
        peerBufferByteCount = header.bufferByteCount
        peerForwardedCount = header.forwardedCount
    }

    /// How many bytes may go to the guest now. A guest that contradicts itself, with a smaller buffer than before or a
    /// count from the future, gets nothing until it says something else.
    public var peerFreeByteCount: UInt32 {
        let outstanding = sentCount &- peerForwardedCount
        return outstanding > peerBufferByteCount ? 0 : peerBufferByteCount &- outstanding
    }

    /// Whether the guest's application has read everything that was sent, as far as the guest said.
    public var isEverythingRead: Bool { sentCount == peerForwardedCount }

    /// Counts bytes that go to the guest; at most `peerFreeByteCount`.
    public mutating func send(_ byteCount: UInt32) { sentCount &+= byteCount }

    /// Counts bytes that came from the guest.
    /// - Returns: false, and nothing is counted, if the guest had no right to send so much.
    public mutating func receive(_ byteCount: UInt32) -> Bool {
        guard byteCount <= bufferByteCount &- (receivedCount &- forwardedCount) else { return false }
        receivedCount &+= byteCount
        return true
    }

    /// Counts bytes that left the device's buffer.
    public mutating func forward(_ byteCount: UInt32) {
        forwardedCount &+= min(byteCount, receivedCount &- forwardedCount)
    }

    /// Whether it is time to tell the guest of new room without being asked: when a quarter of the buffer came free.
    /// Until then the guest still believes in at least the other three quarters, so it cannot be stuck.
    public var isUpdateDue: Bool { forwardedCount &- toldCount >= max(bufferByteCount / 4, 1) }

    /// Completes a header that goes to the guest; from then on the guest knows.
    public mutating func tell(_ header: inout VsockHeader) {
        header.bufferByteCount = bufferByteCount
        header.forwardedCount = forwardedCount
        toldCount = forwardedCount
    }
}
