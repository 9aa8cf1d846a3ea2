// SPDX-License-Identifier: Apache-2.0
internal import Synchronization
internal import VMMSysUtil

/// The client's end of a call of several messages. One thread may read while another writes.
///
/// Dropping it tells the server that no more is sent, and throws away what still comes: there is no frame that cancels.
public final class TTRPCClientStream: Sendable {
    /// Keeps the connection open.
    private let client: TTRPCClient
    private let connection: ClientConnection
    private let id: UInt32
    private let queue: MessageQueue
    private let deadline: Deadline?
    private let isSending: Atomic<Bool>

    init(
        client: TTRPCClient, connection: ClientConnection, id: UInt32, queue: MessageQueue, deadline: Deadline?,
        isSending: Bool
    ) {
        self.client = client
        self.connection = connection
        self.id = id
        self.queue = queue
        self.deadline = deadline
        self.isSending = Atomic(isSending)
    }

    deinit {
        // The server may wait for an end that nobody else will send.
        if connection.forget(id), isSending.load(ordering: .relaxed) {
            connection.channel.post(Self.end(id))
        }
    }

    /// Sends a message; waits while the server does not read.
    /// - Throws: the status with which the server ended the stream; FailedPrecondition after `closeSend`, or when the server
    ///   ended the stream in good order; ResourceExhausted for a message over 4 MiB; Unavailable when the connection is gone.
    public func send(_ message: [UInt8]) throws(TTRPCStatus) {
        guard message.count <= TTRPCFrameHeader.maximumDataByteCount else { throw .tooLong(message.count) }
        guard isSending.load(ordering: .acquiring) else {
            throw TTRPCStatus(.failedPrecondition, "this side of the stream is closed")
        }
        try transmit(TTRPCFrame(.data, streamID: id, data: message).encoded())
    }

    /// Says that no more messages will be sent. Once is enough; again does nothing.
    public func closeSend() throws(TTRPCStatus) {
        guard isSending.exchange(false, ordering: .acquiringAndReleasing), queue.ended == nil else { return }
        try transmit(Self.end(id))
    }

    /// Waits for the server's next message.
    /// - Returns: nil at the end, which the server reached without a failure.
    /// - Throws: the status with which the server ended the stream; Unavailable, DeadlineExceeded as `TTRPCClient.call` does;
    ///   ResourceExhausted when messages came faster than they were read.
    public func receive() throws(TTRPCStatus) -> [UInt8]? { try queue.next(until: deadline) }

    private static func end(_ id: UInt32) -> [UInt8] {
        TTRPCFrame(.data, streamID: id, flags: [.remoteClosed, .noData]).encoded()
    }

    private func transmit(_ frame: [UInt8]) throws(TTRPCStatus) {
        switch queue.ended {
        case .failed(let status): throw status
        case .finished: throw TTRPCStatus(.failedPrecondition, "the server has ended the stream")
        case nil: break
        }
        do throws(Channel.SendError) {
            try connection.channel.send(frame, until: deadline)
        } catch {
            throw connection.status(of: error)
        }
    }
}
