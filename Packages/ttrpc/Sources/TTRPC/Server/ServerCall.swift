// SPDX-License-Identifier: Apache-2.0
internal import Synchronization

/// One call of a connection, from its request to the end of its handler.
final class ServerCall: Sendable {
    let id: UInt32
    let call: TTRPCCall
    /// Nil for a call of one message.
    let stream: TTRPCServerStream?
    let answer: AnswerRight
    /// What the request takes of the connection's bytes.
    let requestByteCount: Int
    private let isClosedFlag: Atomic<Bool>

    init(
        id: UInt32, call: TTRPCCall, stream: TTRPCServerStream?, answer: AnswerRight, requestByteCount: Int,
        isIncomingClosed: Bool
    ) {
        self.id = id
        self.call = call
        self.stream = stream
        self.answer = answer
        self.requestByteCount = requestByteCount
        isClosedFlag = Atomic(isIncomingClosed)
    }

    /// Whether the client said that it sends no more.
    var isIncomingClosed: Bool { isClosedFlag.load(ordering: .acquiring) }

    /// The client says that it sends no more.
    func closeIncoming() {
        isClosedFlag.store(true, ordering: .releasing)
        stream?.queue.end(.finished)
    }

    /// Nobody waits for the answer any more: tells the handler, in each of the ways in which it may be waiting.
    func cancel(_ status: TTRPCStatus) {
        stream?.queue.fail(status)
        call.cancel()
    }
}

/// The right to answer a call: it is answered once, by its handler, by its deadline or because of a broken rule.
final class AnswerRight: Sendable {
    private let isTakenFlag = Atomic(false)

    /// Whether the client has its answer, or will never have one.
    var isTaken: Bool { isTakenFlag.load(ordering: .acquiring) }

    /// - Returns: false if somebody took it before.
    func take() -> Bool { !isTakenFlag.exchange(true, ordering: .acquiringAndReleasing) }
}
