// SPDX-License-Identifier: Apache-2.0
internal import VMMSysUtil

/// The messages of one stream that came and were not read yet, and how the stream ends.
final class MessageQueue: Sendable {
    /// How the stream ends, after the last message.
    enum End: Equatable, Sendable {
        case finished
        case failed(TTRPCStatus)
    }

    fileprivate struct State {
        var messages: [[UInt8]] = []
        /// The first that was not read.
        var head = 0
        var byteCount = 0
        var end: End?
    }

    /// Empty messages take memory too.
    fileprivate static let overhead = 64

    private let state = Monitor(State())
    private let maximumByteCount: Int

    init(maximumByteCount: Int) { self.maximumByteCount = maximumByteCount }

    /// Adds a message; one that comes after the end is dropped.
    /// - Returns: false if there was no room until the deadline.
    func append(_ message: [UInt8], until deadline: Deadline) -> Bool {
        let isTaken = state.wait(until: deadline) { state -> Bool? in
            if state.end != nil { return true }
            let count = message.count + Self.overhead
            guard state.byteCount == 0 || state.byteCount + count <= maximumByteCount else { return nil }
            state.messages.append(message)
            state.byteCount += count
            return true
        }
        state.broadcast()
        return isTaken ?? false
    }

    /// No message comes after those that are here. The first end counts.
    func end(_ end: End) {
        state.withLock { if $0.end == nil { $0.end = end } }
        state.broadcast()
    }

    /// The stream is void: who reads hears so at once, before any message that is left.
    func fail(_ status: TTRPCStatus) {
        state.withLock { state in
            if case .failed = state.end { return }
            state.end = .failed(status)
            state.messages = []
            state.head = 0
            state.byteCount = 0
        }
        state.broadcast()
    }

    /// Waits for the next message.
    /// - Returns: nil at the end.
    /// - Throws: how the stream failed, or DeadlineExceeded.
    func next(until deadline: Deadline?) throws(TTRPCStatus) -> [UInt8]? {
        let result = state.wait(until: deadline) { state -> Result<[UInt8]?, TTRPCStatus>? in
            if state.head < state.messages.count { return .success(state.take()) }
            switch state.end {
            case nil: return nil
            case .finished: return .success(nil)
            case .failed(let status): return .failure(status)
            }
        }
        state.broadcast()
        guard let result else { throw TTRPCStatus(.deadlineExceeded, "no message came within the time of the call") }
        return try result.get()
    }

    /// How the stream ended, though messages may be left; nil while it lives.
    var ended: End? { state.withLock { $0.end } }

    /// Bytes that wait to be read.
    var byteCount: Int { state.withLock { $0.byteCount } }
}

extension MessageQueue.State {
    fileprivate mutating func take() -> [UInt8] {
        let message = messages[head]
        messages[head] = []
        head += 1
        byteCount -= message.count + MessageQueue.overhead
        if head == messages.count || head == 64 {
            messages.removeFirst(head)
            head = 0
        }
        return message
    }
}
