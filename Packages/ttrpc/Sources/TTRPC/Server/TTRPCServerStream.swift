// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

/// The server's end of a call of several messages.
///
/// One thread may read while another writes.
public final class TTRPCServerStream: Sendable {
    let queue: MessageQueue
    private let deadline: Deadline?
    private let transmit: @Sendable ([UInt8]) throws(TTRPCStatus) -> Void
    private let answer = Monitor<[UInt8]?>(nil)

    init(
        maximumByteCount: Int, deadline: Deadline?,
        transmit: @escaping @Sendable ([UInt8]) throws(TTRPCStatus) -> Void
    ) {
        queue = MessageQueue(maximumByteCount: maximumByteCount)
        self.deadline = deadline
        self.transmit = transmit
    }

    /// Waits for the client's next message.
    /// - Returns: nil when the client sends no more.
    /// - Throws: Cancelled when the client is gone, DeadlineExceeded when its time is over, ResourceExhausted when messages
    ///   came faster than they were read.
    public func receive() throws(TTRPCStatus) -> [UInt8]? { try queue.next(until: deadline) }

    /// Sends a message to the client; waits while the client does not read.
    /// - Throws: ResourceExhausted for a message over 4 MiB, Cancelled when nobody waits for it any more.
    public func send(_ message: [UInt8]) throws(TTRPCStatus) { try transmit(message) }

    /// Sets the one message that answers a client-streaming call; it is sent when the handler returns. Without it the
    /// stream ends with no message, as a stream of the server's does.
    public func setAnswer(_ message: [UInt8]) { answer.withLock { $0 = message } }

    var finalAnswer: [UInt8]? { answer.withLock { $0 } }
}
